"""The samplers of the two versions: from noise to latents, given what the network predicts.

v2 takes respaced steps of DDPM (Ho et al., NeurIPS 2020, eq. 6-7); v2.1 DPM-Solver++ of third order for the
stochastic equation (Lu et al., arXiv:2211.01095; its third order is Crowson's, k-diffusion). Noise is drawn from a
callable: first the start, then once each step but, in v2.1, the last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from iqabench.diffusion import schedules
from iqabench.diffusion.noise import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Predict = Callable[["Tensor", int], "Tensor"]
"""(latents, time) -> ε or v, guided."""

SMALLEST = 1e-8
"""In v2.1 no signal is left at the first time, whose sigma would be infinite."""


def sample_spaced(predict: Predict, shape: Sequence[int], noise: Noise, steps: int) -> Tensor:
    """(N, 4, H, W) by ``steps`` of DDPM, with ε predicted."""
    times, mean_x0, mean_x, variance, alphas = spaced_coefficients(steps)
    to_x0, to_noise = _floats(np.sqrt(1 / alphas)), _floats(np.sqrt(1 / alphas - 1))
    deviation = _floats(variance) ** 0.5
    x0_share, x_share = _floats(mean_x0), _floats(mean_x)
    x = noise(shape)
    for i in reversed(range(len(times))):
        x0 = to_x0[i] * x - to_noise[i] * predict(x, int(times[i]))
        x = x0_share[i] * x0 + x_share[i] * x
        drawn = noise(shape)
        if i:
            x = x + deviation[i] * drawn
    return x


def spaced_coefficients(steps: int) -> tuple[NDArray, ...]:
    """Times, the shares of x0 and x in the posterior's mean, its variance, and Πα, all ascending (steps,)."""
    times = schedules.evenly_spaced(steps)
    training = schedules.alphas_cumprod(schedules.scaled_linear_betas())[times]
    betas = 1 - training / np.append(1.0, training[:-1])
    alphas = np.cumprod(1 - betas)
    before = np.append(1.0, alphas[:-1])
    variance = betas * (1 - before) / (1 - alphas)
    return (
        times,
        betas * np.sqrt(before) / (1 - alphas),
        (1 - before) * np.sqrt(1 - betas) / (1 - alphas),
        variance,
        alphas,
    )


def edm_schedule(steps: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times (steps,), descending, and their sigmas (steps + 1,), the last of which is 0."""
    times = schedules.descending(steps)
    alphas = schedules.alphas_cumprod(schedules.zero_terminal_snr(schedules.scaled_linear_betas()))[times]
    alphas[0] = SMALLEST
    return times, np.append(schedules.sigmas(alphas), 0.0)


def sample_sde(predict: Predict, shape: Sequence[int], noise: Noise, steps: int) -> Tensor:
    """(N, 4, H, W) by ``steps`` of DPM-Solver++(3M) SDE with η = 1, with v predicted."""
    times, exact = edm_schedule(steps)
    sigmas = _floats(exact)
    x = noise(shape) * (1 + sigmas[0] ** 2).sqrt()
    history: list[tuple[Tensor, Tensor]] = []  # what was predicted last, and the step in log-sigma
    for i, time in enumerate(times):
        sigma, following = sigmas[i], sigmas[i + 1]
        square = sigma**2 + 1
        x0 = predict(x / square.sqrt(), int(time)) * (-sigma / square.sqrt()) + x / square
        if i == len(times) - 1:
            return x0
        h = sigma.log() - following.log()
        twice = 2 * h
        x = (-twice).exp() * x - (-twice).expm1() * x0
        x = x + _correction(x0, h, history)
        x = x + noise(shape) * following * (-(-twice).expm1()).sqrt()
        history = [(x0, h), *history[:1]]
    return x


def _correction(x0: Tensor, h: Tensor, history: Sequence[tuple[Tensor, Tensor]]) -> Tensor | float:
    """The terms of second and third order, from one or two earlier predictions."""
    if not history:
        return 0.0
    eta_h = 2 * h
    phi2 = (-eta_h).expm1() / eta_h + 1
    (x1, h1) = history[0]
    first = (x0 - x1) / (h1 / h)
    if len(history) == 1:
        return phi2 * first
    (x2, h2) = history[1]
    r0, r1 = h1 / h, h2 / h
    earlier = (x1 - x2) / r1
    slope = first + (first - earlier) * r0 / (r0 + r1)
    bend = (first - earlier) / (r0 + r1)
    return phi2 * slope - (phi2 / eta_h - 0.5) * bend


def _floats(values: NDArray) -> Tensor:
    """float32, as the official code keeps its schedules, on the CPU: each is a number to the device."""
    return torch.from_numpy(np.asarray(values, dtype=np.float64)).float()
