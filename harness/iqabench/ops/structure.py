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
STRIP = 64  # rows of windows at a time


def sum_and_difference(images: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """x + y - 1 and x - y, of which SSIM is made below. Both are linear in the images, as averaging needs."""
    return (images + references).sub_(1), images - references


def mean_similarity(total: Tensor, difference: Tensor, *, luminance: bool, clamp: bool) -> Tensor:
    """(N, C), the mean over all windows of the contrast-structure term (eqs. 9 and 10 multiplied); with
    ``luminance``, times the luminance term (eq. 6). ``clamp`` takes a negative contrast-structure as 0.

    Strip by strip, so that the intermediate planes stay in the cache.
    """
    rows = total.shape[-2] - WINDOW_SIZE + 1
    means = []
    for top in range(0, rows, STRIP):
        strip = slice(top, min(top + STRIP, rows) + WINDOW_SIZE - 1)
        terms = _similarity(total[..., strip, :], difference[..., strip, :], luminance=luminance, clamp=clamp)
        means.append(terms.mean(-1))
    return torch.cat(means, dim=-1).mean(-1)


def _similarity(total: Tensor, difference: Tensor, *, luminance: bool, clamp: bool) -> Tensor:
    """The terms themselves, (N, C, H - 10, W - 10).

    With s = x + y and d = x - y, 2·μx·μy = (μs² - μd²) / 2 and μx² + μy² = (μs² + μd²) / 2, and likewise
    for the (co)variances, so each term is 1 less a fraction in which nothing cancels where images are alike:
    float32 is then enough, and identical images give exactly 1.
    """
    moments = torch.cat((total, difference, total.square(), difference.square()), dim=1)
    filtered = separable_filter(moments, gaussian_window(WINDOW_SIZE, SIGMA), padding="valid")
    mean_s, mean_d, variance_s, variance_d = filtered.chunk(4, dim=1)
    mean_d_squared = mean_d.square()
    variance_s, variance_d = variance_s - mean_s.square(), variance_d - mean_d_squared
    terms = 1 - variance_d / variance_s.add_(variance_d).div_(2).add_(C2)
    if clamp:
        terms.clamp_(min=0)
    if luminance:
        mean_s_squared = (mean_s + 1).square_()
        terms *= 1 - mean_d_squared / mean_s_squared.add_(mean_d_squared).div_(2).add_(C1)
    return terms
