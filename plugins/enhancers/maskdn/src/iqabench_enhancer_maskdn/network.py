"""The network of MaskedDenoising (Chen et al., CVPR 2023, section 4; arXiv:2303.13132).

SwinIR's light denoiser (Liang et al., ICCVW 2021, arXiv:2108.10257) with a first convolution of one pixel, so
that a hidden pixel becomes a token of its own, and without its two residuals from input to output. Attributes are
named as in the official checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from iqabench_enhancer_maskdn.masks import TokenMasks
from iqabench_enhancer_maskdn.windows import WindowAttention, merge, partition, regions, shift_mask

MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K
SLOPE = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``resolution`` is the side of the training patches; only constants in the checkpoint have its size."""

    width: int = 60
    depths: tuple[int, ...] = (6, 6, 6, 6)
    heads: tuple[int, ...] = (6, 6, 6, 6)
    window: int = 8
    mlp_ratio: int = 2
    resolution: int = 64


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(gelu(self.fc1(x)))
        return result


class Block(nn.Module):
    """A Swin block whose attention may be shown a part of its tokens only."""

    def __init__(self, config: Config, heads: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = config.window, shift
        self.norm1 = nn.LayerNorm(config.width)
        self.attn = WindowAttention(config.width, heads, config.window)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = Mlp(config.width, config.mlp_ratio * config.width)
        if shift:
            side = config.resolution
            self.register_buffer("attn_mask", shift_mask(regions(side, side, config.window, shift)))

    def forward(self, x: Tensor, masks: TokenMasks | None) -> Tensor:
        """(N, H, W, C) -> the same."""
        count, height, width, _ = x.shape
        rolled = torch.roll(self.norm1(x), (-self.shift, -self.shift), (1, 2)) if self.shift else self.norm1(x)
        windows = partition(rolled, self.window)
        if masks is not None:
            windows = windows * masks.draw(len(windows) // count, windows.shape[1]).to(windows)
        parts = None
        if self.shift:
            parts = regions(height, width, self.window, self.shift).to(x.device).repeat(count, 1)
        attended = merge(self.attn(windows, parts), self.window, height, width)
        x = x + (torch.roll(attended, (self.shift, self.shift), (1, 2)) if self.shift else attended)
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


def _three_convolutions(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width // 4, 3, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(width // 4, width // 4, 1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(width // 4, width, 3, padding=1),
    )


class Group(nn.Module):
    """Blocks, every second one shifted by half a window, then three convolutions, inside a residual."""

    def __init__(self, config: Config, depth: int, heads: int) -> None:
        super().__init__()
        self.residual_group = nn.Module()
        shifts = [config.window // 2 * (k % 2) for k in range(depth)]
        self.residual_group.blocks = nn.ModuleList(Block(config, heads, shift) for shift in shifts)
        self.conv = _three_convolutions(config.width)

    def forward(self, x: Tensor, masks: TokenMasks | None) -> Tensor:
        inner = x
        for block in self.residual_group.blocks:  # type: ignore[union-attr]
            inner = block(inner, masks)
        residual: Tensor = self.conv(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + residual


class MaskedDenoiser(nn.Module):
    """(N, 3, H, W) in [0, 1] -> the same without noise, not clamped. H and W are multiples of the window.

    ``masks`` hides tokens from the attention of every block; None shows them all.
    """

    mean: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.window = config.window
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(3, config.width, 1)
        self.patch_embed = nn.Module()
        self.patch_embed.norm = nn.LayerNorm(config.width)
        self.layers = nn.ModuleList(
            Group(config, depth, heads) for depth, heads in zip(config.depths, config.heads, strict=True)
        )
        self.norm = nn.LayerNorm(config.width)
        self.conv_after_body = _three_convolutions(config.width)
        self.conv_last = nn.Conv2d(config.width, 3, 3, padding=1)

    def features(self, images: Tensor, masks: TokenMasks | None) -> Tensor:
        """What the groups make of the images: (N, width, H, W)."""
        tokens = self.conv_first(images - self.mean).permute(0, 2, 3, 1)
        tokens = self.patch_embed.norm(tokens)  # type: ignore[operator]
        for layer in self.layers:
            tokens = layer(tokens, masks)
        normed: Tensor = self.norm(tokens).permute(0, 3, 1, 2)
        return normed

    def forward(self, images: Tensor, masks: TokenMasks | None = None) -> Tensor:
        denoised: Tensor = self.conv_last(self.conv_after_body(self.features(images, masks)))
        return denoised + self.mean
