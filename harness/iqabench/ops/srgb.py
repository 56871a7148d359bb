"""The transfer functions of sRGB (IEC 61966-2-1): between pixel values and linear light, both in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def decode(encoded: Tensor) -> Tensor:
    """Pixel values, of any shape, to linear light."""
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode(linear: Tensor) -> Tensor:
    """Linear light, of any shape, to pixel values."""
    # Clamped so that the branch not taken has a finite gradient.
    power = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, power)
