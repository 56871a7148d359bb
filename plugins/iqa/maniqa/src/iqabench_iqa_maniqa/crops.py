"""Where an image is cropped."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def random_corners(height: int, width: int, side: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Top left corners (P, 2) of ``count`` crops, each once, and how often each was drawn (P,).

    As in the authors' code the last row and column are never drawn; an image of just the crop's size, which that
    code refuses, has its one crop.
    """
    draws = torch.Generator().manual_seed(seed)
    corners = torch.stack(
        [torch.randint(max(1, length - side), (count,), generator=draws) for length in (height, width)], dim=1
    )
    places, times = torch.unique(corners, dim=0, return_counts=True)
    return places, times


def grid_crops(image: Tensor, side: int, count: int) -> Tensor:
    """(3, H, W) -> (count, 3, side, side), row by row on a grid as even as whole steps allow, as in pyiqa.

    An image that does not exceed the crop along both sides is first enlarged until it does.
    """
    if min(image.shape[-2:]) <= side:
        factor = (side + 1) / min(image.shape[-2:])
        image = interpolate(image[None], scale_factor=factor, mode="bilinear")[0]
    rows = math.isqrt(count)
    across = rows if rows**2 == count else rows + 1
    down, along = ((length - side) // rows for length in image.shape[-2:])
    corners = [(row * down, column * along) for row in range(across) for column in range(across)][:count]
    return torch.stack([image[:, y : y + side, x : x + side] for y, x in corners])
