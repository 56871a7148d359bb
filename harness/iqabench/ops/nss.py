"""Natural scene statistics in the spatial domain: what NIQE, BRISQUE and PIQE measure.

A photograph's luma, less its local mean and divided by its local deviation, is close to Gaussian (Ruderman,
"The statistics of natural scenes", 1994); distortions change the shape of that distribution, and of the
products of neighbours. Here are these MSCN coefficients and the fits of their distributions by moments
(Mittal, Moorthy, Bovik, "No-reference image quality assessment in the spatial domain", 2012).

All is in float64, for the fits choose from a grid of shapes, where a last bit can move the choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
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
# How many samples are computed at a time: what a core's cache holds, or what a GPU's memory can spare.
_CACHED_SAMPLES = 1 << 16
_GPU_SAMPLES = 1 << 25


def grey_levels(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 1, H, W), whole numbers in 0..255, float64: what MATLAB code gets to see.

    Colours are rounded to 8 bits, then 0.299 R + 0.587 G + 0.114 B is rounded too. The coefficients are
    those of single precision, which decides the ties, one pixel in a thousand, mostly upwards as MATLAB does;
    and since it is done exactly, the same everywhere. It matters: they move BRISQUE by up to 0.5 %.
    """
    red, green, blue = torch.tensor((0.299, 0.587, 0.114)).tolist()
    grey = torch.empty_like(images[:, 0:1], dtype=torch.float64)
    for items, rows in _strips(grey, copies=4):
        levels = (images[items, :, rows] * 255).round_().double()
        luma = levels[:, 0:1].mul(red) + levels[:, 1:2].mul(green) + levels[:, 2:3].mul(blue)
        grey[items, :, rows] = luma.round_()
    return grey


def mscn(grey: Tensor, *, border: str) -> Tensor:
    """Mean-subtracted contrast-normalised coefficients (eq. 1-3) of (N, 1, H, W) in 0..255; the same shape.

    ``border`` is ``"zeros"`` (BRISQUE's release) or ``"replicate"`` (NIQE's and PIQE's).

    The window, 7×7 with sigma 7/6, sums to 1 + 1.1e-8, as it does when rounded to single precision. Where an
    image is perfectly flat, its coefficients are then tiny and of one sign. With a sum of 1 they would be
    rounding noise, and the fits below, which count signs, would differ between machines; MATLAB's are such.
    On photos without large flat areas the choice does not show; with them, NIQE can differ by some percent.
    """
    window = gaussian_window(_WINDOW_SIDE, _WINDOW_SIGMA)
    total = float(torch.outer(window, window).float().double().sum())
    taps = (window * total**0.5).tolist()
    reach = _WINDOW_SIDE // 2
    mode = "constant" if border == "zeros" else border
    padded = F.pad(grey, (reach, reach, reach, reach), mode=mode)
    coefficients = torch.empty_like(grey)
    for items, rows in _strips(grey, copies=4):
        around = padded[items, :, rows.start : rows.stop + 2 * reach]
        smoothed = _smooth(torch.cat([around, around.square()], dim=1), taps)
        mean, mean_of_squares = smoothed[:, 0:1], smoothed[:, 1:2]
        deviation = mean_of_squares.sub_(mean.square()).abs_().sqrt_()
        torch.div(grey[items, :, rows].sub(mean), deviation.add_(1), out=coefficients[items, :, rows])
    return coefficients


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the samples of a distribution, and over those left and right of zero; any shape, all alike."""

    samples: int
    left_count: Tensor
    right_count: Tensor
    left_sum: Tensor
    right_sum: Tensor
    left_energy: Tensor
    right_energy: Tensor

    def __getitem__(self, at: slice) -> Moments:
        """Those of some of the distributions, along the last dimension."""
        return Moments(self.samples, *(getattr(self, field.name)[..., at] for field in fields(self)[1:]))


def moments(coefficients: Tensor) -> Moments:
    """Of each map of (N, 1, H, W), and of its products with each neighbour of SHIFTS: (N, 5) of each moment.

    Neighbours wrap round at the borders of the map.
    """
    count, _, height, width = coefficients.shape
    wrapped = F.pad(coefficients, (1, 1, 1, 0), mode="circular")[:, 0]
    sums = coefficients.new_zeros(3, count, len(SHIFTS) + 1)
    energies = torch.zeros_like(sums)
    strips = list(_strips(coefficients, copies=len(SHIFTS) + 1))
    items, rows = strips[0]  # the largest: one buffer serves all, for fresh memory is slow
    buffer = coefficients.new_empty(3, items.stop, len(SHIFTS) + 1, rows.stop, width)
    for items, rows in strips:
        parts = buffer[:, : items.stop - items.start, :, : rows.stop - rows.start]
        left, right, samples = parts
        samples[:, 0] = coefficients[items, 0, rows]
        for place, (down, along) in enumerate(SHIFTS, start=1):
            above = slice(rows.start + 1 - down, rows.stop + 1 - down)
            torch.mul(samples[:, 0], wrapped[items, above, 1 - along : 1 - along + width], out=samples[:, place])
        torch.clamp(samples, max=0, out=left)
        torch.clamp(samples, min=0, out=right)
        samples.sign_()
        # Along rows first, for then no bit depends on how many threads share a sum.
        sums[:, items] += parts.sum(dim=-1).sum(dim=-1)
        energies[:, items] += torch.linalg.vector_norm(parts, dim=-1).square().sum(dim=-1)
    left_sum, right_sum, surplus = sums
    left_energy, right_energy, counted = energies
    counted = counted.round()  # a root that was squared again is not quite whole
    return Moments(
        height * width,
        (counted - surplus) / 2,
        (counted + surplus) / 2,
        left_sum,
        right_sum,
        left_energy,
        right_energy,
    )


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


def fit_aggd(of: Moments) -> Aggd:
    """By matching moments (Lasmar, Stitou, Berthoumieu, "Multiscale skewed heavy tailed model", ICIP 2009)."""
    left = (of.left_energy / of.left_count).sqrt()
    right = (of.right_energy / of.right_count).sqrt()
    skew = left / right
    ratio = _flatness(of) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1).square()
    shapes, between, _ = _shape_grid(ratio.device)
    return Aggd(_nearest(ratio, shapes, between), left, right)


def fit_ggd(of: Moments) -> tuple[Tensor, Tensor]:
    """Shape and variance, by matching moments (Sharifi, Leon-Garcia, IEEE TCSVT 1995)."""
    shapes, _, between = _shape_grid(of.left_sum.device)
    return _nearest(_flatness(of), shapes, between), (of.left_energy + of.right_energy) / of.samples


def _flatness(of: Moments) -> Tensor:
    """E|x|² / E x²."""
    return ((of.right_sum - of.left_sum) / of.samples).square() / ((of.left_energy + of.right_energy) / of.samples)


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


def _strips(maps: Tensor, *, copies: int = 1) -> Iterator[tuple[slice, slice]]:
    """Items and rows of (N, 1, H, W) that are computed together, so that intermediates stay in the cache.

    Where an image is cut depends on its own size only.
    """
    count, _, height, width = maps.shape
    budget = (_GPU_SAMPLES if maps.is_cuda else _CACHED_SAMPLES) // copies
    items = max(1, budget // (height * width))
    rows = max(1, min(height, budget // width))
    for first in range(0, count, items):
        for top in range(0, height, rows):
            yield slice(first, min(first + items, count)), slice(top, min(top + rows, height))


def _smooth(padded: Tensor, taps: list[float]) -> Tensor:
    """A symmetric separable window, tap by tap: in float64 several times as fast as a convolution."""
    reach = len(taps) // 2
    smoothed = padded
    for dim in (-2, -1):
        size = smoothed.shape[dim] - 2 * reach
        total = smoothed.narrow(dim, reach, size) * taps[reach]
        for offset, tap in enumerate(taps[:reach]):
            pair = smoothed.narrow(dim, offset, size) + smoothed.narrow(dim, 2 * reach - offset, size)
            total += pair.mul_(tap)
        smoothed = total
    return smoothed
