"""The conditional normalising flow (Zhou et al., ECCV 2024, section 3.3), run from its latent to codes.

It has the steps of Glow (Kingma, Dhariwal, 2018) with couplings conditioned as in LLFlow (Wang et al., AAAI 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from iqabench_enhancer_glare.config import LATENT, Config

EPS = 1e-4
"""What scales of couplings are above zero by."""


class ActNorm(nn.Module):
    """A bias and a logarithmic scale for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.logs = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def invert(self, z: Tensor) -> Tensor:
        return z * torch.exp(-self.logs) - self.bias


class InvertibleConv(nn.Module):
    """A 1×1 convolution that mixes the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(channels))

    def invert(self, z: Tensor) -> Tensor:
        inverse = self.weight.double().inverse().to(z.dtype)
        return conv2d(z, inverse[..., None, None])


class NormedConv(nn.Conv2d):
    """A convolution whose bias and scale are those of an ActNorm."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2, bias=False)
        self.actnorm = ActNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        made = conv2d(x, self.weight, self.actnorm.bias.flatten(), padding=self.padding)
        return made.mul_(self.actnorm.logs.exp())


class ScaledConv(nn.Conv2d):
    """A 3×3 convolution that starts training at zero; its result is multiplied by exp(3·logs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.logs = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (3 * self.logs).exp()


def _estimator(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Gives a shift and a raw scale, in turn, for each of ``outputs`` / 2 channels."""
    return nn.Sequential(
        NormedConv(inputs, hidden, 3),
        nn.ReLU(inplace=True),
        NormedConv(hidden, hidden, 1),
        nn.ReLU(inplace=True),
        ScaledConv(hidden, outputs),
    )


class Coupling(nn.Module):
    """One channel, with the condition, scales and shifts the other two; then the condition alone, all three."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kept = LATENT // 2
        self.fAffine = _estimator(self.kept + config.condition, config.hidden, 2 * (LATENT - self.kept))
        self.fFeatures = _estimator(config.condition, config.hidden, 2 * LATENT)

    def invert(self, z: Tensor, condition: Tensor) -> Tensor:
        kept, changed = z[:, : self.kept], z[:, self.kept :]
        changed = _unscaled(changed, self.fAffine(torch.cat((kept, condition), dim=1)))
        return _unscaled(torch.cat((kept, changed), dim=1), self.fFeatures(condition))


def _unscaled(z: Tensor, estimate: Tensor) -> Tensor:
    shift, scale = estimate[:, 0::2], torch.sigmoid(estimate[:, 1::2] + 2) + EPS
    return z / scale - shift


class FlowStep(nn.Module):
    def __init__(self, config: Config, *, coupled: bool) -> None:
        super().__init__()
        self.actnorm = ActNorm(LATENT)
        self.invconv = InvertibleConv(LATENT)
        self.affine = Coupling(config) if coupled else None

    def invert(self, z: Tensor, condition: Tensor) -> Tensor:
        if self.affine is not None:
            z = self.affine.invert(z, condition)
        return self.actnorm.invert(self.invconv.invert(z))


class Flow(nn.Module):
    """Codes of normal light and a normal distribution, made into one another.

    ``f`` is part of every checkpoint, but of no computation. Determinants, which only training needs, are not
    computed.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        level = [False] * config.plain_steps + [True] * config.coupled_steps
        self.layers = nn.ModuleList(FlowStep(config, coupled=coupled) for coupled in level * config.flow_levels)
        self.f = nn.Sequential(nn.Conv2d(*config.unused, 3, padding=1))

    def invert(self, z: Tensor, condition: Tensor) -> Tensor:
        """(N, 3, H, W) and (N, C, H, W) -> (N, 3, H, W), in float32."""
        for step in reversed(self.layers):
            assert isinstance(step, FlowStep)
            z = step.invert(z, condition)
        return z
