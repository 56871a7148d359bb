"""SSIM (Wang et al., 2004): the mean over all windows of luminance × contrast × structure.

Conventions, after the authors' ssim_index.m: 11×11 Gaussian window, σ = 1.5, K1 = 0.01, K2 = 0.03, windows
wholly inside the image, on luma 0.299 R + 0.587 G + 0.114 B rounded to 8 bits, at full size. Published SSIM
tables are of this kind. Agrees with pyiqa (``ssim``) and scikit-image (``gaussian_weights=True, sigma=1.5,
use_sample_covariance=False`` on luma). Parameters give the other conventions in use:

- ``channels="rgb"``: every channel by itself, then their mean: scikit-image, piq and pytorch-msssim.
- ``channels="y601"``: unrounded luma of MATLAB's rgb2ycbcr; with ``crop``, what super-resolution papers print.
- ``downsample=True``: the authors' later ssim.m, which first averages blocks of f×f pixels,
  f = max(1, round(min(H, W) / 256)), with a half rounded to even: piq's default with ``channels="rgb"``.
- ``clamp=True``: pyiqa's form, in which windows whose structures are opposed count 0, not less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma
from iqabench.ops.filters import average_blocks
from iqabench.ops.structure import mean_similarity, sum_and_difference

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer


def load(context: LoadContext) -> Scorer:
    channels = str(context.params["channels"])
    crop = int(context.params["crop"])
    downsample = bool(context.params["downsample"])
    clamp = bool(context.params["clamp"])

    def ssim(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        if crop:
            images, references = (x[..., crop:-crop, crop:-crop] for x in (images, references))
        if channels != "rgb":
            images, references = (luma(x, channels, rounded=channels == "y") for x in (images, references))
        planes = (x.flatten(0, 1)[:, None] for x in (images, references))
        return one_by_one(of_planes, *planes).view(len(images), -1).mean(1)

    def of_planes(images: Tensor, references: Tensor) -> Tensor:
        total, difference = sum_and_difference(images, references)
        if downsample:
            factor = max(1, round(min(images.shape[-2:]) / 256))
            total, difference = average_blocks(total, factor), average_blocks(difference, factor)
        return mean_similarity(total, difference, luminance=True, clamp=clamp)[:, 0]

    return ssim
