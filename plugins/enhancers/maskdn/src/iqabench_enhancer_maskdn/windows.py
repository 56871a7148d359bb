"""Attention inside windows that shift from block to block (Liu et al., ICCV 2021, arXiv:2103.14030, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

APART = -100.0  # added to the logits of two tokens that only the cyclic shift has made neighbours
AT_ONCE = {"cpu": 32}
"""As many windows attend at once: on a CPU what stays in its cache, elsewhere OTHERWISE, which bounds memory."""
OTHERWISE = 4096


def partition(x: Tensor, side: int) -> Tensor:
    """(N, H, W, C) -> (N·windows, side², C), windows and their tokens row by row."""
    count, height, width, channels = x.shape
    tiles = x.view(count, height // side, side, width // side, side, channels)
    return tiles.transpose(2, 3).reshape(-1, side * side, channels)


def merge(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """The inverse of ``partition``."""
    tiles = windows.view(-1, height // side, width // side, side, side, windows.shape[-1])
    return tiles.transpose(2, 3).reshape(-1, height, width, windows.shape[-1])


def regions(height: int, width: int, side: int, shift: int) -> Tensor:
    """(windows, side²): of each token of the shifted grid, which of nine parts of the image it came from."""

    def part(length: int) -> Tensor:
        at = torch.arange(length)
        return (at >= length - side).long() + (at >= length - shift).long()

    grid = 3 * part(height)[:, None] + part(width)
    return partition(grid[None, ..., None], side)[..., 0]


def shift_mask(parts: Tensor) -> Tensor:
    """(windows, tokens) -> (windows, tokens, tokens): zero, and APART between tokens of unlike parts."""
    return (parts[:, :, None] != parts[:, None, :]).float() * APART


def relative_positions(side: int) -> Tensor:
    """(side², side²): the row of the bias table for each pair of tokens, by their distance down and along."""
    at = torch.cartesian_prod(torch.arange(side), torch.arange(side))
    down, along = (at[:, None] - at[None] + side - 1).unbind(-1)
    return down * (2 * side - 1) + along


class WindowAttention(nn.Module):
    """Multi-head attention within each window, with a learnt bias for each relative position."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.register_buffer("relative_position_index", relative_positions(side))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, parts: Tensor | None) -> Tensor:
        """(B, tokens, C) -> the same; ``parts`` (B, tokens) holds tokens of other parts of the image apart."""
        tokens = windows.shape[1]
        index = self.relative_position_index.flatten()
        bias = self.relative_position_bias_table[index].view(tokens, tokens, self.heads).permute(2, 0, 1)
        step = AT_ONCE.get(windows.device.type, OTHERWISE)
        pieces = []
        for start in range(0, len(windows), step):
            some = windows[start : start + step]
            q, k, v = self.qkv(some).view(len(some), tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            added = bias[None]
            if parts is not None:
                added = added + shift_mask(parts[start : start + step])[:, None].to(bias.dtype)
            attended = scaled_dot_product_attention(q, k, v, attn_mask=added)
            pieces.append(self.proj(attended.transpose(1, 2).flatten(2)))
        return torch.cat(pieces)
