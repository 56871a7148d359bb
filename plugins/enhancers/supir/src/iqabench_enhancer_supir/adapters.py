"""What joins the control network to the decoder of the UNet (paper, section 3.1 and figure 3).

ZeroSFT takes the place of the concatenation with a skip: the skip gets a residual, and both together, normalised,
are scaled and shifted point by point as the control feature says. Cross-attention to the control feature stands
before every upsampling. Attributes are named as in the published weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from iqabench.diffusion.encoder import feature_widths

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench.diffusion.architecture import UNetConfig

HIDDEN = 128
GROUPS = 32
HEAD = 64


class ZeroSFT(nn.Module):
    """``skip`` channels of the skip, and of the control feature; ``before`` of the decoder, 0 in the middle."""

    def __init__(self, control: int, skip: int, before: int) -> None:
        super().__init__()
        total = skip + before
        self.param_free_norm = nn.GroupNorm(GROUPS, total)
        self.mlp_shared = nn.Sequential(nn.Conv2d(control, HIDDEN, 3, padding=1), nn.SiLU())
        self.zero_mul = nn.Conv2d(HIDDEN, total, 3, padding=1)
        self.zero_add = nn.Conv2d(HIDDEN, total, 3, padding=1)
        self.zero_conv = nn.Conv2d(control, skip, 1)

    def forward(self, control: Tensor, skip: Tensor, before: Tensor | None = None, strength: float = 1.0) -> Tensor:
        led = skip + self.zero_conv(control)
        plain = skip
        if before is not None:
            plain, led = (torch.cat((before, each), dim=1) for each in (skip, led))
        shared = self.mlp_shared(control)
        made: Tensor = self.param_free_norm(led) * (self.zero_mul(shared) + 1) + self.zero_add(shared)
        return made if strength == 1 else made * strength + plain * (1 - strength)


class CrossAttention(nn.Module):
    """Its four projections, as diffusers and CompVis name them."""

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        query, key, value = (
            each.unflatten(-1, (-1, HEAD)).transpose(1, 2)
            for each in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        mixed = scaled_dot_product_attention(query, key, value)
        made: Tensor = self.to_out(mixed.transpose(1, 2).flatten(2))
        return made


class ZeroCrossAttn(nn.Module):
    """The decoder's state (N, C, H, W) looks at the control feature of the same size."""

    def __init__(self, width: int, control: int) -> None:
        super().__init__()
        self.attn = CrossAttention(width, control)
        self.norm1 = nn.GroupNorm(GROUPS, width)
        self.norm2 = nn.GroupNorm(GROUPS, control)

    def forward(self, control: Tensor, x: Tensor, strength: float = 1.0) -> Tensor:
        query, context = (each.flatten(2).mT for each in (self.norm1(x), self.norm2(control)))
        looked: Tensor = self.attn(query, context).mT.reshape(x.shape)
        return x + looked * strength


def make_adapters(config: UNetConfig) -> nn.ModuleList:
    """In the published order, which is that of the control features, first to last; where the decoder upsamples,
    the attention stands before the ZeroSFT of the same feature."""
    *skips, middle = feature_widths(config.channels, config.num_res_blocks)
    states = _decoder_widths(config)
    made: list[nn.Module] = []
    for i, (skip, before) in enumerate(zip(skips, reversed(states), strict=True)):
        level, place = divmod(i, config.num_res_blocks + 1)
        if level and not place:
            made.append(ZeroCrossAttn(config.channels[level], skip))
        made.append(ZeroSFT(skip, skip, before))
    return nn.ModuleList([*made, ZeroSFT(middle, middle, 0)])


def _decoder_widths(config: UNetConfig) -> list[int]:
    """Channels of the decoder's state before each of its blocks, in the order in which they run."""
    after = [width for width in reversed(config.channels) for _ in range(config.num_res_blocks + 1)]
    return [config.channels[-1], *after[:-1]]
