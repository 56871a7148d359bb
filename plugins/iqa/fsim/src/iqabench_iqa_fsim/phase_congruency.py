"""Phase congruency (Kovesi, "Image features from phase congruency", 1999), with the settings of FSIM.

Log-Gabor filters at 4 scales and 4 orientations give each pixel complex responses: even (real) and odd
(imaginary). Where their phases agree over the scales, there is a feature, whatever its contrast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

SCALES, ORIENTATIONS = 4, 4
SHORTEST_WAVELENGTH, SCALE_STEP = 6, 2
SIGMA_ON_F = 0.55  # bandwidth: the radial Gaussian's σ over the centre frequency
SIGMA_THETA = math.pi / ORIENTATIONS / 1.2
LOWPASS_CUTOFF, LOWPASS_ORDER = 0.45, 15  # a Butterworth filter that takes off the corners of the spectrum
NOISE_DEVIATIONS = 2.0
NOISE_RESCALING = 1.7  # noise is overestimated by about this factor, says the authors' code


@dataclass(frozen=True, slots=True)
class FilterBank:
    """``filters``: (orientation, scale, H, W), real, frequency 0 at the corner. ``noise``: for each
    orientation, the noise threshold of an image whose finest response has a median amplitude of 1."""

    filters: Tensor
    noise: tuple[float, ...]


def filter_bank(height: int, width: int, device: torch.device) -> FilterBank:
    """The filters for images of one size."""
    fy, fx = torch.meshgrid(_frequencies(height), _frequencies(width), indexing="ij")
    radius, theta = torch.hypot(fx, fy), torch.atan2(-fx, fy)
    lowpass = 1 / (1 + (radius / LOWPASS_CUTOFF) ** (2 * LOWPASS_ORDER))
    radius[0, 0] = 1
    wavelengths = [SHORTEST_WAVELENGTH * SCALE_STEP**scale for scale in range(SCALES)]
    radial = torch.stack(
        [lowpass * torch.exp(-((radius * w).log() ** 2) / (2 * math.log(SIGMA_ON_F) ** 2)) for w in wavelengths]
    )
    radial[:, 0, 0] = 0
    angles = [orientation * math.pi / ORIENTATIONS for orientation in range(ORIENTATIONS)]
    distances = [torch.atan2((theta - angle).sin(), (theta - angle).cos()) for angle in angles]
    angular = torch.stack([torch.exp(-(distance**2) / (2 * SIGMA_THETA**2)) for distance in distances])

    filters = angular[:, None] * radial
    noise = tuple(_noise_threshold(each) for each in filters)
    return FilterBank(filters.to(device, torch.float32), noise)


def phase_congruency(images: Tensor, bank: FilterBank) -> Tensor:
    """(N, 1, H, W) in 0..255 -> (N, 1, H, W) in [0, 1]."""
    spectrum = torch.fft.fft2(images)
    tiny = torch.finfo(images.dtype).eps
    energies = torch.full_like(images[:, 0], tiny)
    amplitudes = torch.full_like(images[:, 0], tiny)
    for filters, noise in zip(bank.filters, bank.noise, strict=True):
        response = torch.fft.ifft2(spectrum * filters)
        even, odd = response.real.contiguous(), response.imag.contiguous()
        power = even.square().add_(odd.square())
        threshold = power[:, 0].flatten(1).median(dim=1).values.sqrt_().mul_(noise)[:, None, None]
        amplitudes += power.sqrt_().sum(1)

        # Energy: of each response, the part along the mean phase less the part across it.
        sum_even, sum_odd = even.sum(1), odd.sum(1)
        along = sum_even.square().add_(sum_odd.square()).sqrt_()
        across = even.mul_(sum_odd[:, None]).sub_(odd.mul_(sum_even[:, None])).abs_().sum(1)
        energies += along.sub_(across.div_(along + tiny)).sub_(threshold).clamp_(min=0)
    return energies.div_(amplitudes)[:, None]


def _frequencies(size: int) -> Tensor:
    """Cycles a pixel, 0 first. An odd size is taken as one less, so that ±0.5 is reached, as the authors do."""
    half = size // 2
    steps = torch.arange(size, dtype=torch.float64)
    steps[size - half :] -= size
    return steps / (size - size % 2)


def _noise_threshold(filters: Tensor) -> float:
    """The threshold for a median amplitude of 1 in the finest response, which in an image of noise alone is
    Rayleigh distributed: so the mean power is median² / ln 2, and the energy's distribution follows."""
    height, width = filters.shape[-2:]
    power = 1 / math.log(2) / float(filters[0].square().sum())
    even = torch.fft.ifft2(filters.sum(0)).real
    tau = math.sqrt(power * height * width * float(even.square().sum()))
    mean, deviation = math.sqrt(math.pi / 2), math.sqrt(2 - math.pi / 2)
    return tau * (mean + NOISE_DEVIATIONS * deviation) / NOISE_RESCALING
