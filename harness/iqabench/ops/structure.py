"""The two factors of SSIM, which SSIM and its multi-scale form share.

Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 2004:
11×11 Gaussian window of σ = 1.5, K1 = 0.01, K2 = 0.03, windows wholly inside the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from iqabench.ops.filters import gaussian_window, separable_filter

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_SIZE, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for images in [0, 1]


def sum_and_difference(images: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """x + y - 1 and x - y, of which SSIM is made below. Both are linear in the images, as averaging needs."""
    return (images + references).sub_(1), images - references


def similarity_factors(total: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance term (eq. 6) and contrast-structure term (eqs. 9 and 10 multiplied), each (N, C, H-10, W-10).

    With s = x + y and d = x - y, 2·μx·μy = (μs² - μd²) / 2 and μx² + μy² = (μs² + μd²) / 2, and likewise
    for the (co)variances, so each term is 1 less a fraction in which nothing cancels where images are alike:
    float32 is then enough, and identical images give exactly 1.
    """
    window = gaussian_window(WINDOW_SIZE, SIGMA)
    moments = torch.cat((total, difference, total.square(), difference.square()), dim=1)
    mean_s, mean_d, variance_s, variance_d = separable_filter(moments, window, padding="valid").chunk(4, dim=1)
    variance_s, variance_d = variance_s - mean_s.square(), variance_d - mean_d.square()
    mean_s, mean_d = (mean_s + 1).square_(), mean_d.square()
    luminance = 1 - mean_d / (mean_s.add_(mean_d).div_(2).add_(C1))
    contrast_structure = 1 - variance_d / (variance_s.add_(variance_d).div_(2).add_(C2))
    return luminance, contrast_structure
