"""Resizing by OpenCV, as the authors do: cubic, not widened when shrinking.

OpenCV before version 5 rounds the kernel's weights, which changes one pixel in twenty by one step of 255. So it is a
matter of the version, and version 5 is the one that was recorded with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from iqabench.errors import PluginError
from iqabench.images import to_pixels


def resize_cubic(images: Tensor, side: int) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, side, side) in whole steps of 1/255, on the same device."""
    cv2 = _opencv()
    resized = [cv2.resize(to_pixels(image), (side, side), interpolation=cv2.INTER_CUBIC) for image in images]
    pixels = torch.from_numpy(np.stack(resized)).movedim(-1, 1)
    return (pixels.to(images.device).float() / 255).contiguous()


def _opencv() -> Any:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise PluginError("OpenCV is not installed.", hint="Run: pip install opencv-python-headless") from error
    return cv2
