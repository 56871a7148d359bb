"""The scaled Swin transformer of MANIQA: attention within windows of a square map of tokens (N, L, channels).

Attributes are named as in the official checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class WindowAttention(nn.Module):
    """Attention with a learned bias for each offset between two places of a window."""

    bias: Tensor

    def __init__(self, channels: int, window: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", torch.empty(window**2, window**2, dtype=torch.long))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def settle(self, mask: Tensor | None) -> None:
        """Look up the bias of every pair of places, and add ``mask`` (windows, w², w²)."""
        bias = self.relative_position_bias_table[offsets(self.window)].permute(2, 0, 1)[None]
        self.register_buffer("bias", bias if mask is None else bias + mask[:, None], persistent=False)
        del self.relative_position_index

    def forward(self, windows: Tensor) -> Tensor:
        """(N, windows, w², C) -> the same."""
        count, number, places, channels = windows.shape
        qkv = self.qkv(windows).view(count * number, places, 3, self.heads, channels // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        bias = self.bias.to(query.dtype).expand(number, -1, -1, -1).repeat(count, 1, 1, 1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        result: Tensor = self.proj(mixed.transpose(1, 2).reshape(windows.shape))
        return result


class Perceptron(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class SwinBlock(nn.Module):
    order: Tensor
    back: Tensor

    def __init__(self, channels: int, side: int, heads: int, window: int, shift: int, hidden: int) -> None:
        super().__init__()
        self.side = side
        self.window = min(window, side)
        self.shift = shift if side > window else 0
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, self.window, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Perceptron(channels, hidden)
        if self.shift:
            self.register_buffer("attn_mask", torch.empty((side // window) ** 2, window**2, window**2))

    def settle(self) -> None:
        """Work out what does not depend on the image: where tokens go, and which of a window may meet."""
        order = window_order(self.side, self.window, self.shift)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", order.argsort(), persistent=False)
        if self.shift:
            self.attn.settle(shift_mask(self.side, self.window, self.shift))
            del self.attn_mask
        else:
            self.attn.settle(None)

    def forward(self, tokens: Tensor) -> Tensor:
        windows = self.norm1(tokens)[:, self.order].unflatten(1, (-1, self.window**2))
        tokens = tokens + self.attn(windows).flatten(1, 2)[:, self.back]
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result


class SwinLayer(nn.Module):
    """Blocks by turns with windows in place and shifted by half, then a convolution."""

    def __init__(self, channels: int, side: int, depth: int, heads: int, window: int, hidden: int) -> None:
        super().__init__()
        self.side = side
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.blocks = nn.ModuleList(
            SwinBlock(channels, side, heads, window, index % 2 * (window // 2), hidden) for index in range(depth)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        # Tokens are a map whose channels lie innermost already.
        features = tokens.view(len(tokens), self.side, self.side, -1).permute(0, 3, 1, 2)
        result: Tensor = F.relu(self.conv(features)).permute(0, 2, 3, 1).flatten(1, 2)
        return result


class ScaledSwin(nn.Module):
    """Layers whose results are added with the weight ``scale``.

    The official network holds a convolution too, ``downsample``, which it never uses.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        depths: tuple[int, ...],
        heads: tuple[int, ...],
        window: int,
        hidden: int,
        scale: float,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.downsample = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(
            SwinLayer(channels, side, depth, head, window, hidden) for depth, head in zip(depths, heads, strict=True)
        )

    def settle(self) -> None:
        del self.downsample
        for block in list(self.modules()):
            if isinstance(block, SwinBlock):
                block.settle()

    def forward(self, tokens: Tensor) -> Tensor:
        for layer in self.layers:
            tokens = torch.add(tokens, layer(tokens), alpha=self.scale)
        return tokens


def offsets(window: int) -> Tensor:
    """Which row of the table holds the bias between two places of a window: (w², w²)."""
    places = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    down, along = (places[:, None] - places[None] + window - 1).unbind(-1)
    return down * (2 * window - 1) + along


def window_order(side: int, window: int, shift: int) -> Tensor:
    """The tokens of a map, rolled back by ``shift``, window by window: (L,)."""
    places = torch.arange(side**2).view(side, side).roll((-shift, -shift), (0, 1))
    return _by_windows(places, window).flatten()


def shift_mask(side: int, window: int, shift: int) -> Tensor:
    """What is added to the logits between two places of a rolled map's windows: (windows, w², w²); −100 where
    they come from opposite borders of the image."""
    place = torch.arange(side)
    region = (place >= side - window).long() + (place >= side - shift).long()
    regions = _by_windows(3 * region[:, None] + region, window)
    return torch.where(regions[:, :, None] == regions[:, None], 0.0, -100.0)


def _by_windows(grid: Tensor, window: int) -> Tensor:
    """(side, side) -> (windows, w²)."""
    number = len(grid) // window
    return grid.view(number, window, number, window).permute(0, 2, 1, 3).reshape(number**2, window**2)
