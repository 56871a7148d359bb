"""Cutting an image into tiles: as many as its proportions ask for, and one more that shows it whole."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from iqabench.compat.pillow import BICUBIC, resize


@lru_cache(maxsize=64)
def grid(height: int, width: int, side: int, most: int, least: int = 1) -> tuple[int, int]:
    """(columns, rows): of the grids with ``least`` to ``most`` tiles the one nearest to the image in proportion.

    Of two that are equally near, the one of more tiles is taken where the image has more pixels than half its tiles.
    """
    ratio = width / height
    sides = range(1, most + 1)
    candidates = [(i, j) for i in sides for j in sides if least <= i * j <= most]
    best, distance = (1, 1), float("inf")
    for columns, rows in sorted(candidates, key=lambda shape: shape[0] * shape[1]):
        away = abs(ratio - columns / rows)
        if away < distance or (away == distance and width * height > 0.5 * side * side * columns * rows):
            best, distance = (columns, rows), away
    return best


def cut(images: Tensor, side: int, most: int, *, least: int = 1, thumbnail: bool = True) -> Tensor:
    """(N, 3, H, W) -> (N, tiles, 3, side, side): row by row, then the whole image if there is more than one."""
    columns, rows = grid(*images.shape[-2:], side, most, least)
    tiled = resize(images, (rows * side, columns * side), BICUBIC).view(len(images), 3, rows, side, columns, side)
    tiles = tiled.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    if not thumbnail or columns * rows == 1:
        return tiles
    return torch.cat([tiles, resize(images, (side, side), BICUBIC)[:, None]], dim=1)
