"""Restoration-guided sampling: Euler's method of Karras et al. (NeurIPS 2022, algorithm 2 without its correction),
drawn towards the first stage's latents while noise is strong (paper, section 3.3, algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from iqabench.diffusion import schedules
from iqabench.diffusion.noise import Noise

if TYPE_CHECKING:
    from torch import Tensor

Predict = Callable[["Tensor", int], tuple["Tensor", "Tensor"]]
"""(scaled latents, time) -> the noise predicted without and with the prompt."""

MOST_CHURN = 2**0.5 - 1
LEAST_GUIDED = 0.05
"""Sigma at which the latents are no longer drawn to the first stage's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``guidance`` holds at sigma 0 and goes over into ``guidance_start`` at the largest. ``restoration`` is the
    exponent τ of the guidance by the first stage, off where not positive."""

    steps: int = 50
    guidance: float = 4.0
    guidance_start: float = 1.0
    churn: float = 5.0
    noise: float = 1.01
    restoration: float = -1.0


def all_sigmas() -> Tensor:
    """(1000,) in float32, ascending: those that the network was trained with. The root is taken in float32 too."""
    alphas = schedules.alphas_cumprod(schedules.scaled_linear_betas())
    return torch.from_numpy((1 - alphas) / alphas).float() ** 0.5


def sigmas_of(steps: int) -> Tensor:
    """(steps + 1,) in float32, descending, the last of them 0."""
    return torch.cat((all_sigmas()[torch.from_numpy(schedules.descending(steps))], torch.zeros(1)))


def sample(
    predict: Predict, shape: Sequence[int], noise: Noise, settings: Settings, centre: Tensor | None = None
) -> Tensor:
    """Latents (N, 4, H, W). Noise is drawn for the start, and once each step. ``centre`` are the latents of the first
    stage, needed where ``restoration`` is on."""
    table, sigmas = all_sigmas(), sigmas_of(settings.steps)
    largest = float(table[-1])
    gamma = min(settings.churn / settings.steps, MOST_CHURN)
    x = noise(shape) * float((1 + sigmas[0] ** 2).sqrt())
    for sigma, following in pairwise(sigmas):
        raised = sigma * (gamma + 1)
        if gamma > 0:
            x = x + noise(shape) * settings.noise * float((raised**2 - sigma**2).sqrt())
        time = int((raised - table).abs().argmin())
        nearest = table[time]
        plain, prompted = (x - each * float(nearest) for each in predict(x / float((nearest**2 + 1).sqrt()), time))
        weight = (settings.guidance_start - settings.guidance) * float(raised) / largest + settings.guidance
        denoised = plain + weight * (prompted - plain)
        if settings.restoration > 0 and centre is not None and float(following) > LEAST_GUIDED:
            denoised = denoised - (denoised - centre) * (float(sigma) / largest) ** settings.restoration
        x = x + (x - denoised) / float(raised) * float(following - raised)
    return x
