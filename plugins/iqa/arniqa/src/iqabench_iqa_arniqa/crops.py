"""The five crops of ARNIQA's official script."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

CROP = 224


def five_crops(images: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 5, 3, 224, 224): the centre and the corners, top left, bottom left, top right, bottom
    right. What lies beyond the image is black."""
    height, width = images.shape[-2:]
    offsets = (
        (height // 2 - CROP // 2, width // 2 - CROP // 2),
        (0, 0),
        (height - CROP, 0),
        (0, width - CROP),
        (height - CROP, width - CROP),
    )
    return torch.stack([_crop(images, top, left) for top, left in offsets], dim=1)


def _crop(images: Tensor, top: int, left: int) -> Tensor:
    height, width = images.shape[-2:]
    inside = images[..., max(top, 0) : max(top + CROP, 0), max(left, 0) : max(left + CROP, 0)]
    beyond = (max(-left, 0), max(left + CROP - width, 0), max(-top, 0), max(top + CROP - height, 0))
    return pad(inside, beyond) if any(beyond) else inside
