"""VIF (Sheikh and Bovik, 2006): the share of the reference's information that the eye gets from the image.

Conventions, after the authors' vifvec.m: luma 0.299 R + 0.587 G + 0.114 B rounded to 8 bits; subbands of two
orientations at four levels of a steerable pyramid; in each, 3×3 neighbourhoods are a Gaussian scale mixture
(eq. 1), distorted by a gain and noise estimated in windows of 17, 9, 5 and 3 coefficients, finest first;
noise variance of the eye 0.4; windows that reach over the border are left out. Agrees with pyiqa's ``vif``
and the published MATLAB values. The pixel-domain VIFp is ``fr.vifp``: other numbers. An image with more
contrast than its reference can exceed 1; a reference without any content gives 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma
from iqabench.ops.filters import filter_columns, filter_rows, spatial_mean
from iqabench_iqa_vif.channel import WINDOW_SIZES, gain_and_noise
from iqabench_iqa_vif.pyramid import subbands

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

M = 3  # side of a neighbourhood
NOISE_VARIANCE = 0.4
TINY_VARIANCE = 1e-12
TINY_INFORMATION = 1e-4  # above what rounding makes of a flat image


def load(_context: LoadContext) -> Scorer:
    def vif(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        return one_by_one(_of_pairs, images, references)

    return vif


def _of_pairs(images: Tensor, references: Tensor) -> Tensor:
    # Around mid-grey: the subbands have no constant part, and float32 keeps more of theirs.
    planes = torch.cat([luma(x, rounded=True).mul_(255).sub_(127.5) for x in (images, references)])
    received = torch.full((len(images),), TINY_INFORMATION, dtype=torch.float64, device=images.device)
    sent = received.clone()
    for bands, size in zip(subbands(planes), WINDOW_SIZES, strict=True):
        whole = bands[..., : bands.shape[-2] // M * M, : bands.shape[-1] // M * M]
        image_band, reference_band = whole.chunk(2)
        margin = -(-(size // 2) // M)  # neighbourhoods left out at each border
        gain, noise = gain_and_noise(*_local_moments(image_band, reference_band, size, margin), tiny=TINY_VARIANCE)
        scale, eigenvalues = _scale_mixture(reference_band)
        scale = scale[..., margin:-margin, margin:-margin]
        received += _information(gain.square_().mul_(scale).div_(noise.add_(NOISE_VARIANCE)), eigenvalues)
        sent += _information(scale / NOISE_VARIANCE, eigenvalues)
    return received / sent


def _local_moments(x: Tensor, y: Tensor, size: int, margin: int) -> tuple[Tensor, Tensor, Tensor]:
    """Variances of x and y and their covariance around the centre of every neighbourhood but the outermost
    ``margin``, each (N, C, H/3 - 2·margin, W/3 - 2·margin), float64."""
    first = M // 2 + M * margin - size // 2
    h, w = (first + M * (side // M - 2 * margin - 1) + size for side in x.shape[-2:])
    x, y = x[..., first:h, first:w], y[..., first:h, first:w]
    moments = torch.cat((x, y, x.square(), y.square(), x * y), dim=1)
    window = torch.full((size,), 1 / size)
    means = filter_rows(filter_columns(moments, window, stride=M), window, stride=M).double()
    mean_x, mean_y, xx, yy, xy = means.chunk(5, dim=1)
    return (xx - mean_x.square()).clamp_(min=0), (yy - mean_y.square()).clamp_(min=0), xy - mean_x * mean_y


def _scale_mixture(bands: Tensor) -> tuple[Tensor, Tensor]:
    """The Gaussian scale mixture of the neighbourhoods: s² of each, (N, C, H/3, W/3), and the eigenvalues of
    their covariance, (N, C, 9). s² is yᵀ·C⁻¹·y / 9, by the pseudo-inverse where C is singular."""
    n, c, h, w = bands.shape
    eigenvalues, axes = torch.linalg.eigh(_neighbourhood_covariance(bands))
    eigenvalues = eigenvalues.clamp_(min=0)
    present = eigenvalues > eigenvalues[..., -1:] * (M * M * torch.finfo(torch.float64).eps)
    whitening = axes * torch.where(present, eigenvalues.rsqrt(), 0)[..., None, :]
    vectors = bands.double().reshape(n, c, h // M, M, w // M, M).permute(0, 1, 3, 5, 2, 4).reshape(n, c, M * M, -1)
    scale = (whitening.mT @ vectors).square_().mean(2)
    return scale.view(n, c, h // M, w // M), eigenvalues


def _neighbourhood_covariance(bands: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 9, 9), float64: the covariance of all overlapping 3×3 neighbourhoods.

    Rows of three shifted copies lie in memory such that any three rows are a matrix (9, W - 2), without a
    copy. One product a row, summed in float64: the smallest eigenvalues need more digits than float32's sum.
    """
    n, c, h, w = bands.shape
    rows, columns = h - M + 1, w - M + 1
    shifted = bands.unfold(3, columns, 1).contiguous()  # (N, C, H, 3, W - 2)
    patches = shifted.view(n * c, h * M, columns).unfold(1, M * M, M).mT  # (N·C, H - 2, 9, W - 2)
    products = torch.matmul(patches, patches.mT).double().sum(1)
    sums = patches.sum(-1).double().sum(1)
    count = rows * columns
    mean = sums / count
    return (products / count - mean[:, :, None] * mean[:, None, :]).view(n, c, M * M, M * M)


def _information(ratio: Tensor, eigenvalues: Tensor) -> Tensor:
    """Σ log(1 + ratio·λ) over positions and eigenvalues: (N,). One logarithm of the product does for all λ."""
    product = torch.ones_like(ratio)
    for value in eigenvalues.unbind(-1):
        product *= 1 + ratio * value[..., None, None]
    pixels = ratio[0].numel()
    return spatial_mean(product.log_()).mean(1) * pixels
