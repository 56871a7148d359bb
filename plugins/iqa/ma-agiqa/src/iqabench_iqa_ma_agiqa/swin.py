"""The Swin transformers (Liu et al., ICCV 2021) of MANIQA and MA-AGIQA: a convolution ends each layer, no tokens are
merged, and each layer is added to what it is given."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, relu

from iqabench_iqa_ma_agiqa.config import Config


class WindowAttention(nn.Module):
    """Attention inside windows, biased by a learned number for each relative position."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", torch.empty(window**2, window**2, dtype=torch.long))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(N, windows, T, C) -> the same; ``mask`` (windows, T, T) is added to the logits."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        logits = (query * query.shape[-1] ** -0.5) @ key.mT + bias
        if mask is not None:
            logits = logits + mask[:, None]
        projected: Tensor = self.proj((logits.softmax(dim=-1) @ value).transpose(2, 3).flatten(3))
        return projected


class Mlp(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention inside windows that are displaced by ``shift``, and an MLP."""

    attn_mask: Tensor | None

    def __init__(self, config: Config, width: int, heads: int, *, shifted: bool) -> None:
        super().__init__()
        self.window, self.grid = config.window, config.grid
        self.shift = config.window // 2 if shifted and config.grid > config.window else 0
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, config.window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, config.mlp)
        windows = (config.grid // config.window) ** 2
        shape = (windows, config.window**2, config.window**2)
        self.register_buffer("attn_mask", torch.empty(shape) if self.shift else None)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same."""
        x = x + self._attend(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out

    def _attend(self, x: Tensor) -> Tensor:
        count, _, _, width = x.shape
        per_side, side = self.grid // self.window, self.window
        x = x.roll((-self.shift, -self.shift), (1, 2))
        windows = x.view(count, per_side, side, per_side, side, width).transpose(2, 3).flatten(3, 4).flatten(1, 2)
        windows = self.attn(windows, self.attn_mask)
        x = windows.view(count, per_side, per_side, side, side, width).transpose(2, 3).reshape(x.shape)
        return x.roll((self.shift, self.shift), (1, 2))


class Layer(nn.Module):
    def __init__(self, config: Config, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(config, width, heads, shifted=bool(i % 2)) for i in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return relu(self.conv(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)


class SwinTransformer(nn.Module):
    """(N, C, H, W) -> the same. ``downsample`` is in the checkpoints and is not computed."""

    def __init__(self, config: Config, width: int) -> None:
        super().__init__()
        self.scale = config.scale
        self.downsample = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(
            Layer(config, width, depth, heads) for depth, heads in zip(config.depths, config.heads, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        for layer in self.layers:
            x = self.scale * layer(x) + x
        return x.permute(0, 3, 1, 2)
