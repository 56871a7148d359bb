"""PSNR = 10·log10(1 / MSE) for images in [0, 1], the mean taken over all pixels and channels together.

``channels="y"`` compares 0.299 R + 0.587 G + 0.114 B, not rounded; ``"y601"`` the luma of MATLAB's
rgb2ycbcr, 16..235 of 255, about 1.3 dB higher. Identical images give 80 dB: 1e-8 is added to the MSE, so
that a mean over images stays finite (the field's convention; scikit-image gives infinity).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F  # noqa: N812

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

EPSILON = 1e-8


def load(context: LoadContext) -> Scorer:
    channels = str(context.params["channels"])
    crop = int(context.params["crop"])

    def psnr(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        if crop:
            images, references = (x[..., crop:-crop, crop:-crop] for x in (images, references))
        if channels != "rgb":
            images, references = (luma(x, channels) for x in (images, references))
        mse = one_by_one(_mean_square_error, images, references)
        return -10 * (mse + EPSILON).log10()

    return psnr


def _mean_square_error(images: Tensor, references: Tensor) -> Tensor:
    return F.mse_loss(images, references, reduction="none").mean(dim=(1, 2, 3)).double()
