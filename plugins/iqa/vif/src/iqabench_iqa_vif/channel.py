"""The distortion channel of VIF: the image is the reference, times a gain, plus noise; both local (eq. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_SIZES = (17, 9, 5, 3)  # of the local moments, from the finest scale to the coarsest


def gain_and_noise(
    image_variance: Tensor, reference_variance: Tensor, covariance: Tensor, *, tiny: float
) -> tuple[Tensor, Tensor]:
    """Gain, and variance of the noise, by regression (eqs. 20 and 21).

    The gain is 0, the reference lost, where either hardly varies (``tiny``) or they vary against each other.
    """
    usable = (image_variance >= tiny) & (reference_variance >= tiny) & (covariance > 0)
    gain = torch.where(usable, covariance / (reference_variance + tiny), 0)
    return gain, (image_variance - gain * covariance).clamp_(min=tiny)
