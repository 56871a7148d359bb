"""NIQE: how far the statistics of an image's blocks lie from those of pristine photographs.

Mittal, Soundararajan, Bovik, "Making a completely blind image quality analyzer", IEEE SPL 2013. As the
release computes it: rounded luma, cropped at the bottom and the right to whole blocks of 96×96; 18 features
of each block at full and at half size (MATLAB's bicubic); every block counts, sharp or not. Few blocks (fewer
than the 36 features: below about 600×600) make their own covariance singular, and the score less steady.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.errors import ImageError
from iqabench.ops.colour import luma
from iqabench.ops.nss import fit_aggd, moments, mscn
from iqabench.ops.resize import imresize
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench_iqa_niqe import PRISTINE

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

BLOCK = 96
FEATURES = 36


class Niqe(nn.Module):
    """The distance of an image's Gaussian from the pristine one (eq. 10)."""

    mean: Tensor
    covariance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES, dtype=torch.float64))
        self.register_buffer("covariance", torch.zeros(FEATURES, FEATURES, dtype=torch.float64))

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        mean, covariance = gaussian_of(block_features(images))
        difference = (self.mean - mean)[..., None]
        # The pristine covariance is positive definite, hence so is the sum: its pseudo-inverse is its inverse.
        solved = torch.cholesky_solve(difference, torch.linalg.cholesky((self.covariance + covariance) / 2))
        distance = (difference * solved).sum(dim=(1, 2)).sqrt()
        if bool(distance.isnan().any()):
            raise ImageError("nr.niqe: no block of the image has enough detail for its statistics.")
        return distance.float()


def load(context: LoadContext) -> Scorer:
    path = context.weights[PRISTINE]
    network = Niqe()
    load_strictly(network, unwrap(read_checkpoint(path)), path)
    return network.eval().to(context.device)


def block_features(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, blocks, 36): 18 features at full size, 18 at half."""
    height, width = (side // BLOCK * BLOCK for side in images.shape[-2:])
    grey = (luma(images[..., :height, :width], rounded=True) * 255).round().double()
    coarse = imresize(grey, scale=0.5)
    return torch.cat([_features_at(grey, BLOCK), _features_at(coarse, BLOCK // 2)], dim=-1)


def gaussian_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (N, 36) and covariance (N, 36, 36) over the blocks of (N, blocks, 36).

    A block without contrast has features that are NaN: the mean passes these over one by one, the covariance
    the whole block, as MATLAB's nanmean and nancov. An image of such blocks only has a mean of NaN.
    """
    whole = ~features.isnan().any(dim=-1, keepdim=True)
    count = whole.sum(dim=1, keepdim=True)
    centre = features.where(whole, 0.0).sum(dim=1, keepdim=True) / count
    centred = (features - centre).where(whole, 0.0)
    mean = features.nanmean(dim=1).where(count[:, 0] > 0, torch.nan)
    return mean, centred.mT @ centred / (count - 1).clamp(min=1)


def _features_at(grey: Tensor, block: int) -> Tensor:
    """(N, 1, H, W) -> (N, blocks, 18): alpha and beta of the MSCN, then alpha, eta, betas of each product."""
    count, _, height, width = grey.shape
    coefficients = mscn(grey, border="replicate").view(count, height // block, block, width // block, block)
    blocks = coefficients.transpose(2, 3).reshape(-1, 1, block, block)
    fit = fit_aggd(moments(blocks))
    left, right = fit.scales
    alone = torch.stack([fit.shape, (left + right) / 2], dim=-1)[:, 0]
    products = torch.stack([fit.shape, fit.mean, left, right], dim=-1)[:, 1:].flatten(1)
    features = torch.cat([alone, products], dim=-1)
    return features.view(count, -1, features.shape[-1])
