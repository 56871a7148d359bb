"""BRISQUE: natural scene statistics of an image at two sizes, mapped to opinion scores by a regression.

Mittal, Moorthy, Bovik, "No-reference image quality assessment in the spatial domain", IEEE TIP 2012. As the
release computes it: rounded luma, windows that see zeros beyond the border, half size by MATLAB's bicubic,
features scaled to [-1, 1] by the ranges of the training data. The regression's coefficients are as large as
±1024 and cancel, so it is summed in float64; in float32 only two digits after the point are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from iqabench.errors import ImageError
from iqabench.ops.nss import fit_aggd, fit_ggd, grey_levels, moments, mscn
from iqabench.ops.resize import imresize
from iqabench_iqa_brisque import REGRESSION
from iqabench_iqa_brisque.regression import read_regression

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer


def load(context: LoadContext) -> Scorer:
    regression = read_regression(context.weights[REGRESSION]).to(context.device)

    def brisque(images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG001 (the Scorer protocol)
        scores: Tensor = regression(features_of(images))
        if bool(scores.isnan().any()):
            raise ImageError("nr.brisque: the image has too little detail for its statistics.")
        return scores.float()

    return brisque


def features_of(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 36), float64: 18 features at full size, 18 at half (Table I of the paper)."""
    grey = grey_levels(images)
    return torch.cat([_features_at(grey), _features_at(imresize(grey, scale=0.5))], dim=-1)


def _features_at(grey: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, 18): shape and variance of the MSCN; shape, mean, variances of each product."""
    of = moments(mscn(grey, border="zeros"))
    alone = torch.cat(fit_ggd(of[:1]), dim=-1)
    products = fit_aggd(of[1:])
    features = [products.shape, products.mean, products.left.square(), products.right.square()]
    return torch.cat([alone, torch.stack(features, dim=-1).flatten(1)], dim=-1)
