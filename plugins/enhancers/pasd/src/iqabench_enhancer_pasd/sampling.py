"""From the photo's latents, noised, to restored ones, by UniPC (Zhao et al., NeurIPS 2023, arXiv:2302.04867)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from iqabench.compat.libraries import library_class
from iqabench.diffusion.noise import Noise

ADDED = 900
"""The time whose noise is added to latents that have been noised to the first time already."""
Predict = Callable[[Tensor, int], Tensor]
"""(latents, time) -> ε, guided."""


def make_scheduler(config: Mapping[str, Any], steps: int) -> Any:
    """diffusers' UniPC, of second order, on a folder's schedule; times are spaced as its own default has it."""
    kind = library_class("diffusers", "UniPCMultistepScheduler")
    names = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "trained_betas")
    scheduler = kind(**{name: config[name] for name in names if name in config})
    scheduler.set_timesteps(steps)
    return scheduler


def start(scheduler: Any, latents: Tensor | None, shape: Sequence[int], noise: Noise, way: str) -> Tensor:
    """Where sampling starts: pure noise, or ``latents`` of the image noised twice.

    With the official pin of diffusers, the second time is looked up in the schedule and, being none of its, taken
    for the last one: much of the image is left (``image``). The code of 2023 took it literally (``image-2023``).
    """
    if way == "noise" or latents is None:
        return noise(shape)
    signal, deviation = shares(scheduler, 0)
    x = signal * latents + deviation * noise(shape)
    if way == "image-2023":
        alpha = scheduler.alphas_cumprod[ADDED]
        signal, deviation = float(alpha**0.5), float((1 - alpha) ** 0.5)
    else:
        times = scheduler.timesteps.tolist()
        signal, deviation = shares(scheduler, times.index(ADDED) if ADDED in times else len(times) - 1)
    return signal * x + deviation * noise(shape)


def shares(scheduler: Any, at: int) -> tuple[float, float]:
    """How much of the signal and of noise there is at a step of the schedule."""
    sigma = scheduler.sigmas[at]
    signal = 1 / (sigma**2 + 1) ** 0.5
    return float(signal), float(sigma * signal)


def sample(scheduler: Any, predict: Predict, x: Tensor) -> Tensor:
    """The latents after every step of the schedule."""
    for time in scheduler.timesteps:
        x = scheduler.step(predict(x, int(time)), time, x, return_dict=False)[0]
    return x


def full(time: int, like: Tensor) -> Tensor:
    """(N,) times for a batch."""
    return torch.full((len(like),), time, device=like.device)
