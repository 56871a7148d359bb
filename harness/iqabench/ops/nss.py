"""Natural scene statistics in the spatial domain: what NIQE, BRISQUE and PIQE measure.

A photograph's luma, less its local mean and divided by its local deviation, is close to Gaussian (Ruderman,
"The statistics of natural scenes", 1994); distortions change the shape of that distribution, and of the
products of neighbours. Here are these MSCN coefficients and the fits of their distributions by moments
(Mittal, Moorthy, Bovik, "No-reference image quality assessment in the spatial domain", 2012).

All is in float64, for the fits choose from a grid of shapes, where a last bit can move the choice; sums run
along rows first, so that no bit depends on the batch or the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

from iqabench.ops.filters import gaussian_window

if TYPE_CHECKING:
    from torch import Tensor

SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""The neighbours, as rows down and columns right: horizontal, vertical and the two diagonals."""

_WINDOW_SIDE = 7
_WINDOW_SIGMA = 7 / 6


def grey_levels(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 1, H, W), whole numbers in 0..255, float64: what MATLAB code gets to see.

    Colours are rounded to 8 bits, then 0.299 R + 0.587 G + 0.114 B is rounded too. The coefficients are
    those of single precision, which decides the ties, one pixel in a thousand, mostly upwards as MATLAB does;
    and since it is done exactly, the same everywhere. It matters: they move BRISQUE by up to 0.5 %.
    """
    levels = (images * 255).round()
    red, green, blue = torch.tensor((0.299, 0.587, 0.114)).tolist()
    grey = levels[:, 0:1].double().mul_(red)
    grey += levels[:, 1:2].double().mul_(green)
    grey += levels[:, 2:3].double().mul_(blue)
    return grey.round_()


def mscn(grey: Tensor, *, border: str) -> Tensor:
    """Mean-subtracted contrast-normalised coefficients (eq. 1-3) of (N, 1, H, W) in 0..255; the same shape.

    ``border`` is ``"zeros"`` (BRISQUE's release) or ``"replicate"`` (NIQE's and PIQE's).

    The window, 7×7 with sigma 7/6, sums to 1 + 1.1e-8, as it does when rounded to single precision. Where an
    image is perfectly flat, its coefficients are then tiny and of one sign. With a sum of 1 they would be
    rounding noise, and the fits below, which count signs, would differ between machines.
    """
    window = gaussian_window(_WINDOW_SIDE, _WINDOW_SIGMA)
    excess = float(torch.outer(window, window).float().double().sum())
    taps = (window * excess**0.5).tolist()
    mean = _smooth(grey, taps, border)
    deviation = _smooth(grey.square(), taps, border).sub_(mean.square()).abs_().sqrt_()
    return (grey - mean).div_(deviation.add_(1))


def neighbour_products(coefficients: Tensor) -> Iterator[Tensor]:
    """The products with each neighbour of SHIFTS, wrapping round at the borders, of (N, 1, H, W)."""
    height, width = coefficients.shape[-2:]
    wrapped = F.pad(coefficients, (1, 1, 1, 0), mode="circular")
    for down, right in SHIFTS:
        yield coefficients * wrapped[..., 1 - down : 1 - down + height, 1 - right : 1 - right + width]


@dataclass(frozen=True, slots=True)
class Aggd:
    """Asymmetric generalised Gaussians: ``shape`` alpha, and the deviations left and right of zero.

    NaN where one side has no samples.
    """

    shape: Tensor
    left: Tensor
    right: Tensor

    @property
    def scales(self) -> tuple[Tensor, Tensor]:
        """beta left and right of the density's exponent: sigma · sqrt(Γ(1/α) / Γ(3/α))."""
        factor = ((torch.lgamma(1 / self.shape) - torch.lgamma(3 / self.shape)) / 2).exp()
        return self.left * factor, self.right * factor

    @property
    def mean(self) -> Tensor:
        """eta = (beta right - beta left) · Γ(2/α) / Γ(1/α)."""
        left, right = self.scales
        return (right - left) * (torch.lgamma(2 / self.shape) - torch.lgamma(1 / self.shape)).exp()


def fit_aggd(samples: Tensor) -> Aggd:
    """Fit by moments over the last two dimensions (Lasmar, Stitou, Berthoumieu, 2009): (..., H, W) -> (...)."""
    positive = samples.clamp(min=0)
    negative = samples.clamp(max=0)
    signs = samples.sign()
    counted, surplus = _energy(signs), _total(signs)
    positive_energy, negative_energy = _energy(positive), _energy(negative)
    left = (2 * negative_energy / (counted - surplus)).sqrt()
    right = (2 * positive_energy / (counted + surplus)).sqrt()
    size = samples.shape[-2] * samples.shape[-1]
    magnitude = (_total(positive) - _total(negative)) / size
    ratio = magnitude.square() / ((positive_energy + negative_energy) / size)
    skew = left / right
    ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1).square()
    shapes, between, _ = _shape_grid(samples.device)
    return Aggd(_nearest(ratio, shapes, between), left, right)


def fit_ggd(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Shape and variance by moments over the last two dimensions (Sharifi, Leon-Garcia, 1995): (..., H, W) -> (...)."""
    size = samples.shape[-2] * samples.shape[-1]
    variance = _energy(samples) / size
    magnitude = _total(samples.abs()) / size
    shapes, _, between = _shape_grid(samples.device)
    return _nearest(magnitude.square() / variance, shapes, between), variance


@lru_cache(maxsize=8)
def _shape_grid(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The shapes 0.2, 0.201 .. 10 to choose from, and the moment ratios at which the nearest one changes.

    The ratio is E|x|² / E x² = Γ(2/α)² / (Γ(1/α) Γ(3/α)), which grows with α. An AGGD's is compared as it is,
    a GGD's by its reciprocal: hence two lists of changes, with the arithmetic and the harmonic mean.
    """
    shapes = torch.arange(200, 10_001, dtype=torch.float64) / 1000
    ratios = (2 * torch.lgamma(2 / shapes) - torch.lgamma(1 / shapes) - torch.lgamma(3 / shapes)).exp()
    arithmetic = (ratios[:-1] + ratios[1:]) / 2
    harmonic = 2 / (1 / ratios[:-1] + 1 / ratios[1:])
    return shapes.to(device), arithmetic.to(device), harmonic.to(device)


def _nearest(ratio: Tensor, shapes: Tensor, between: Tensor) -> Tensor:
    """As MATLAB's ``min`` does, NaN chooses the first."""
    return shapes[torch.searchsorted(between, ratio.nan_to_num(nan=0.0))]


def _total(values: Tensor) -> Tensor:
    return values.sum(-1).sum(-1)


def _energy(values: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values, dim=-1).square().sum(-1)


def _smooth(images: Tensor, taps: list[float], border: str) -> Tensor:
    """A symmetric separable window applied tap by tap: in float64 several times as fast as a convolution."""
    reach = len(taps) // 2
    mode = "constant" if border == "zeros" else border
    smoothed = F.pad(images, (reach, reach, reach, reach), mode=mode)
    for dim in (-2, -1):
        size = smoothed.shape[dim] - 2 * reach
        total = smoothed.narrow(dim, reach, size) * taps[reach]
        for offset, tap in enumerate(taps[:reach]):
            pair = smoothed.narrow(dim, offset, size) + smoothed.narrow(dim, 2 * reach - offset, size)
            total += pair.mul_(tap)
        smoothed = total
    return smoothed
