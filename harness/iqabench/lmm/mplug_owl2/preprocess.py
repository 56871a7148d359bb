"""From images to the squares that mPLUG-Owl2 sees, as its processor and the official scorers make them."""

from __future__ import annotations

import torch
from torch import Tensor

from iqabench.compat.clip import DEVIATION, MEAN
from iqabench.compat.pillow import BICUBIC, resize

FILL = (122, 116, 104)
"""What stands beside an image that is not square: CLIP's mean, in whole steps of 1/255."""


def squared(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, S, S), S the longer side; the image is in the middle."""
    height, width = images.shape[-2:]
    if height == width:
        return images
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    canvas = torch.tensor(FILL, dtype=images.dtype, device=images.device).div(255)
    square = canvas.view(3, 1, 1).repeat(len(images), 1, side, side)
    square[..., top : top + height, left : left + width] = images
    return square


def prepare(images: Tensor, side: int) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, side, side), padded to a square, resized by Pillow, normalised."""
    mean, deviation = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, DEVIATION))
    return (resize(squared(images), (side, side), BICUBIC) - mean) / deviation
