"""Images of any resolution as tiles, and the features of tiles as one map again.

The image is fitted into the allowed resolution that keeps most of its pixels, centred on black, and cut; a tile
that shows the whole image, squashed, goes before. Afterwards the features of the black margins are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from iqabench.compat.pillow import BICUBIC, resize

Size = tuple[int, int]


def best_resolution(height: int, width: int, allowed: Sequence[Size]) -> Size:
    """The (height, width) of ``allowed`` in which most of the image's pixels are left, then fewest wasted."""

    def worth(resolution: Size) -> tuple[int, int]:
        scale = min(resolution[1] / width, resolution[0] / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        return kept, kept - resolution[0] * resolution[1]

    return max(allowed, key=worth)


def fitted_size(height: int, width: int, resolution: Size) -> Size:
    """The image's (height, width) once it fits into ``resolution``, its proportions kept."""
    across, down = resolution[1] / width, resolution[0] / height
    if across < down:
        return min(math.ceil(height * across), resolution[0]), resolution[1]
    return resolution[0], min(math.ceil(width * down), resolution[1])


def cut(images: Tensor, side: int, allowed: Sequence[Size]) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 1 + tiles, 3, side, side): the whole image, then its tiles row by row."""
    height, width = images.shape[-2:]
    resolution = best_resolution(height, width, allowed)
    size = fitted_size(height, width, resolution)
    down, across = resolution[0] - size[0], resolution[1] - size[1]
    margins = (across // 2, across - across // 2, down // 2, down - down // 2)
    padded = pad(resize(images, size, BICUBIC), margins)
    rows, columns = (length // side for length in resolution)
    tiles = padded.view(len(images), 3, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    return torch.cat([resize(images, (side, side), BICUBIC)[:, None], tiles], dim=1)


def kept_map(height: int, width: int, rows: int, columns: int) -> tuple[slice, slice]:
    """Of a map (rows, columns) of features of a whole resolution, the part that is not margin."""
    if width / height > columns / rows:
        margin = (rows - int(round(height * (columns / width), 7))) // 2
        return slice(margin, rows - margin), slice(0, columns)
    margin = (columns - int(round(width * (rows / height), 7))) // 2
    return slice(0, rows), slice(margin, columns - margin)


def joined(features: Tensor, newline: Tensor, size: Size, grid: Size) -> Tensor:
    """(N, 1 + tiles, p², D) features -> (N, T, D): those of the whole image, then the map of its tiles, row by row
    and a ``newline`` (D,) after each.

    ``size`` is the image's (height, width), ``grid`` how many (rows, columns) of tiles there are.
    """
    side = math.isqrt(features.shape[2])
    images, width = len(features), features.shape[-1]
    rows, columns = grid
    whole, tiles = features[:, 0], features[:, 1:].view(images, rows, columns, side, side, width)
    joined_map = tiles.transpose(2, 3).reshape(images, rows * side, columns * side, width)
    down, across = kept_map(*size, rows * side, columns * side)
    lines = joined_map[:, down, across]
    ends = newline.to(lines.dtype).expand(images, lines.shape[1], 1, width)
    return torch.cat([whole, torch.cat([lines, ends], dim=2).flatten(1, 2)], dim=1)
