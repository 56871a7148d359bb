"""The noise schedules of Stable Diffusion, in float64 as the official codes compute them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 1000
BETAS = (0.00085, 0.012)


def scaled_linear_betas(steps: int = STEPS, ends: tuple[float, float] = BETAS) -> NDArray[np.float64]:
    """(steps,) betas whose square roots are evenly spaced ("linear" in CompVis' code)."""
    return np.square(np.linspace(ends[0] ** 0.5, ends[1] ** 0.5, steps, dtype=np.float64))


def alphas_cumprod(betas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) products of 1 - beta: the share of the signal's variance that is left at each time."""
    products: NDArray[np.float64] = np.cumprod(1.0 - betas, dtype=np.float64)
    return products


def zero_terminal_snr(betas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The betas changed so that no signal is left at the last time: Lin et al., WACV 2024, algorithm 1."""
    roots = np.sqrt(alphas_cumprod(betas))
    first, last = roots[0], roots[-1]
    left = ((roots - last) * (first / (first - last))) ** 2
    return 1.0 - np.append(left[:1], left[1:] / left[:-1])


def evenly_spaced(count: int, steps: int = STEPS) -> NDArray[np.int32]:
    """``count`` ascending times from 0 to ``steps`` - 1, as guided diffusion respaces them (one section)."""
    stride = (steps - 1) / (count - 1) if count > 1 else 1
    times, at = [], 0.0
    for _ in range(count):  # summed, for a product would round otherwise
        times.append(round(at))
        at += stride
    return np.array(sorted(set(times)), dtype=np.int32)


def descending(count: int, steps: int = STEPS) -> NDArray[np.int64]:
    """``count`` times from ``steps`` - 1 down, evenly spaced towards 0, which is left out."""
    return np.linspace(steps - 1, 0, count, endpoint=False).astype(np.int64)


def sigmas(alphas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The deviation of the noise over the signal at each time: sqrt((1 - a) / a)."""
    ratio: NDArray[np.float64] = ((1 - alphas) / alphas) ** 0.5
    return ratio
