"""Giving a restored image the colours of the image that it was made from.

Wang et al., "Exploiting Diffusion Prior for Real-World Image Super-Resolution" (StableSR), IJCV 2024,
section 3.4: by wavelets, or by adaptive instance normalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import conv2d, pad

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 5


def wavelet_reconstruction(images: Tensor, colours: Tensor, levels: int = LEVELS) -> Tensor:
    """The high frequencies of ``images`` with the low ones of ``colours``: both (N, C, H, W), any range.

    The low frequencies are what is left after ``levels`` blurs with an à-trous kernel, 1, 2, 4, ... pixels apart.
    """
    return images - _low(images, levels) + _low(colours, levels)


def adaptive_instance_normalisation(images: Tensor, colours: Tensor, eps: float = 1e-5) -> Tensor:
    """``images`` with the mean and deviation that each channel of ``colours`` has: both (N, C, H, W)."""
    mean, deviation = _statistics(images, eps)
    wanted_mean, wanted_deviation = _statistics(colours, eps)
    return (images - mean) / deviation * wanted_deviation + wanted_mean


def _low(images: Tensor, levels: int) -> Tensor:
    channels = images.shape[1]
    row = torch.tensor([0.25, 0.5, 0.25], dtype=images.dtype, device=images.device)
    kernel = torch.outer(row, row).expand(channels, 1, 3, 3)
    for level in range(levels):
        apart = 2**level
        images = conv2d(pad(images, (apart,) * 4, mode="replicate"), kernel, groups=channels, dilation=apart)
    return images


def _statistics(images: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    flat = images.flatten(2)
    mean = flat.mean(dim=2)[..., None, None]
    return mean, (flat.var(dim=2) + eps).sqrt()[..., None, None]
