"""A function blended over overlapping tiles of a large image.

Results are averaged with weights that fall off towards a tile's edges (Jiménez, "Mixture of Diffusers",
arXiv:2302.02412), as StableSR and its successors do.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

VARIANCE = 0.01
"""Of the Gaussian weights, in tiles."""


def tile_starts(side: int, tile: int, stride: int) -> list[int]:
    """Where tiles of ``tile`` begin along ``side``, ``stride`` apart; the last one ends at the border."""
    if not 0 < stride <= tile <= side:
        raise ValueError(f"tiles of {tile}, {stride} apart, do not cover a side of {side}.")
    starts = list(range(0, side - tile + 1, stride))
    return starts if starts[-1] == side - tile else [*starts, side - tile]


def gaussian_weights(height: int, width: int) -> Tensor:
    """(height, width) weights, in float64. As everywhere in this family of codes, their centre lies half a
    pixel lower than the middle of the tile."""
    rows = _gaussian(height, height / 2)
    columns = _gaussian(width, (width - 1) / 2)
    return torch.outer(rows, columns)


def _gaussian(side: int, centre: float) -> Tensor:
    away = (torch.arange(side, dtype=torch.float64) - centre) / side
    return torch.exp(-away.square() / (2 * VARIANCE)) / math.sqrt(2 * math.pi * VARIANCE)


def blend_tiles(
    evaluate: Callable[[slice, slice], Tensor],
    size: tuple[int, int],
    tile: int,
    stride: int,
    *,
    scale: int = 1,
    weigh: Callable[[int, int], Tensor] = gaussian_weights,
) -> Tensor:
    """(N, C, scale·H, scale·W): the weighted mean of ``evaluate(rows, columns)`` over overlapping tiles.

    ``size`` is (H, W), and ``evaluate`` is called with the rows and columns of each tile in it; it returns
    (N, C, scale·tile, scale·tile). A tile is no longer than a side. Sums are in float32.
    """
    high, wide = min(tile, size[0]), min(tile, size[1])
    weights = weigh(high * scale, wide * scale)
    total = shares = weights.new_zeros(())
    for top in tile_starts(size[0], high, min(stride, high)):
        for left in tile_starts(size[1], wide, min(stride, wide)):
            made = evaluate(slice(top, top + high), slice(left, left + wide))
            if not total.ndim:
                weights = weights.to(made.device, torch.float32)
                total = made.new_zeros((*made.shape[:2], size[0] * scale, size[1] * scale), dtype=torch.float32)
                shares = total.new_zeros(total.shape[-2:])
            place = (
                slice(top * scale, (top + high) * scale),
                slice(left * scale, (left + wide) * scale),
            )
            total[..., place[0], place[1]] += made.float() * weights
            shares[place] += weights
    return total / shares
