"""Pillow's resizing, on which the preprocessing of most official code rests."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from iqabench.images import to_pixels

BILINEAR = Image.Resampling.BILINEAR
BICUBIC = Image.Resampling.BICUBIC


def resize(images: Tensor, size: tuple[int, int], resampling: Image.Resampling = BILINEAR) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, *size), size being (height, width), as Pillow makes it.

    The images are rounded to whole steps of 1/255 before, and are so after; the kernel is widened when
    shrinking (antialiasing). That is what torchvision's ``Resize`` does to an image that is not yet a tensor.
    """
    if tuple(images.shape[-2:]) == size:
        return (images * 255).round() / 255
    resized = [np.asarray(Image.fromarray(to_pixels(image)).resize((size[1], size[0]), resampling)) for image in images]
    pixels = torch.from_numpy(np.stack(resized)).movedim(-1, 1)
    return (pixels.to(images.device).float() / 255).contiguous()
