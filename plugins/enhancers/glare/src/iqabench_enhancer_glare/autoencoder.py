"""The halves of a VQGAN (Esser et al., "Taming transformers", CVPR 2021), layers named as in GLARE's checkpoints.

GLARE needs what they compute on the way, so their forward passes hand it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, zip_longest

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from iqabench_enhancer_glare.config import LATENT, Config
from iqabench_enhancer_glare.strips import norm_swish_convolve, upsample_convolve

QUERIES = 2048
"""How many positions attend at a time, which bounds memory even where attention is not computed piece by piece."""


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """(N, C, H, W) -> (N, D, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        made = norm_swish_convolve(x, self.norm1, self.conv1)
        made = norm_swish_convolve(made, self.norm2, self.conv2)
        return made.add_(self.nin_shortcut(x))


class Attention(nn.Module):
    """Every position sees every other: one head, (N, C, H, W) -> the same, in memory that grows with H·W only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        queries, keys, values = (
            layer(normed).flatten(2).mT[:, None].contiguous() for layer in (self.q, self.k, self.v)
        )
        seen = [scaled_dot_product_attention(some, keys, values) for some in queries.split(QUERIES, dim=2)]
        made: Tensor = self.proj_out(torch.cat(seen, dim=2)[:, 0].mT.contiguous().view(x.shape))
        return made.add_(x)


class Middle(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(channels, channels)
        self.attn_1 = Attention(channels)
        self.block_2 = ResidualBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return made


class Downsample(nn.Module):
    """To half the size; unlike PyTorch's padding, only the bottom and the right are extended."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(pad(x, (0, 1, 0, 1)))
        return made


class Upsample(nn.Module):
    """To twice the size, each value repeated before the convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return upsample_convolve(x, self.conv)


class Level(nn.Module):
    """What happens at one size: residual blocks, and attention after each of them at the smallest size."""

    def __init__(self, inputs: int, outputs: int, blocks: int, *, attends: bool) -> None:
        super().__init__()
        widths = (inputs, *[outputs] * blocks)
        self.block = nn.ModuleList(ResidualBlock(a, b) for a, b in pairwise(widths))
        self.attn = nn.ModuleList(Attention(outputs) for _ in range(blocks if attends else 0))
        self.downsample: Downsample | None = None
        self.upsample: Upsample | None = None

    def layers(self) -> Iterator[nn.Module]:
        """In the order of computation: whoever calls them one by one holds no input longer than needed."""
        for block, attention in zip_longest(self.block, self.attn):
            yield block
            if attention is not None:
                yield attention


class Encoder(nn.Module):
    """An image (N, 3, H, W), sides multiples of 4 -> a latent (N, 3, H/4, W/4), and the features of every level.

    The features are of all but the smallest size, from the largest on.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.widths
        top = len(widths) - 1
        self.conv_in = nn.Conv2d(3, config.channels, 3, padding=1)
        self.down = nn.ModuleList()
        for at, (inputs, outputs) in enumerate(pairwise((config.channels, *widths))):
            level = Level(inputs, outputs, config.blocks, attends=at == top)
            level.downsample = Downsample(outputs) if at != top else None
            self.down.append(level)
        self.mid = Middle(widths[-1])
        self.norm_out = norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], LATENT, 3, padding=1)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = []
        x = self.conv_in(images)
        for level in self.down:
            assert isinstance(level, Level)
            for layer in level.layers():
                x = layer(x)
            if level.downsample is not None:
                features.append(x)
                x = level.downsample(x)
        return norm_swish_convolve(self.mid(x), self.norm_out, self.conv_out), features


class Decoder(nn.Module):
    """A latent (N, 3, H/4, W/4) -> features (N, C, H, W), of which ``norm_out`` and ``conv_out`` make an image."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.widths
        top = len(widths) - 1
        self.conv_in = nn.Conv2d(LATENT, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1])
        self.up = nn.ModuleList()
        for at, outputs in enumerate(widths):
            level = Level(widths[min(at + 1, top)], outputs, config.blocks + 1, attends=at == top)
            level.upsample = Upsample(outputs) if at else None
            self.up.append(level)
        self.norm_out = norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)

    def features(self, latent: Tensor, visit: Callable[[int, Tensor], Tensor]) -> Tensor:
        """The features at full size. ``visit`` is given the place of each level and its features, from the
        smallest on, and returns those to go on with."""
        x: Tensor = self.mid(self.conv_in(latent))
        for at in reversed(range(len(self.up))):
            level = self.up[at]
            assert isinstance(level, Level)
            for layer in level.layers():
                x = layer(x)
            x = visit(at, x)
            if level.upsample is not None:
                x = level.upsample(x)
        return x
