"""Which windows of an image LIQE looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from iqabench.images import to_pixels, to_tensor
from iqabench_iqa_liqe import WINDOW

LARGE = 768  # images of this size a side or more are shrunk to it
WIDE = 1024  # images as wide or as high have their windows farther apart


@dataclass(frozen=True, slots=True)
class Layout:
    """``count`` windows spread evenly over those on a grid, row by row; all of them where there are fewer.

    The grid's windows are 32 pixels apart. In the ``official`` layout, the shorter side of large images is first
    brought down to 768, and in those that are wide even so the windows are 48 apart.
    """

    count: int
    official: bool

    def cut(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, at most count, 3, 224, 224)."""
        if self.official and min(images.shape[-2:]) > LARGE:
            images = torch.cat([_shrunk(image) for image in images]).to(images.device)
        stride = 48 if self.official and max(images.shape[-2:]) >= WIDE else 32
        along = (images.shape[-1] - WINDOW) // stride + 1
        total = ((images.shape[-2] - WINDOW) // stride + 1) * along
        step = max(1, total // self.count)
        corners = [(index // along * stride, index % along * stride) for index in range(0, total, step)]
        return torch.stack(
            [images[..., y : y + WINDOW, x : x + WINDOW] for y, x in corners[: self.count]],
            dim=1,
        )


def _shrunk(image: Tensor) -> Tensor:
    """(3, H, W) -> (1, 3, h, w) with the shorter side 768, by Pillow on 8 bits, as the authors do."""
    height, width = image.shape[-2:]
    short = min(height, width)
    size = (LARGE * width // short, LARGE * height // short)
    return to_tensor(np.array(Image.fromarray(to_pixels(image)).resize(size, Image.Resampling.BILINEAR)))
