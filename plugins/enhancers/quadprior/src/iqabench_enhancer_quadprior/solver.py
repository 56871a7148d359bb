"""DPM-Solver++ (Lu et al., arXiv:2211.01095): multistep, third order, evenly spaced in time, as QuadPrior runs it.

Where the order falls towards the end, of fewer than 15 steps, the official code takes the oldest of the last three
predictions instead of the newest. That is kept; the newest are then never looked at, and so not made here: eight
of ten evaluations are left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

ORDER = 3
SETTLED = 15
"""Steps from which on the order does not fall."""


class Schedule:
    """Signal and noise at times in (0, 1], from the products of 1 - beta; the last of ``points`` is nearly clean."""

    def __init__(self, alphas_cumprod: Values, steps: int) -> None:
        self.total = len(alphas_cumprod)
        self.points = np.linspace(1, 1 / self.total, steps + 1)
        self._logs = 0.5 * np.log(alphas_cumprod.astype(np.float64))

    @cached_property
    def log_alphas(self) -> Values:
        """At each point: piecewise linear in time."""
        return np.interp(self.points, np.arange(1, self.total + 1) / self.total, self._logs)

    @cached_property
    def alphas(self) -> Values:
        return np.exp(self.log_alphas)

    @cached_property
    def sigmas(self) -> Values:
        return np.sqrt(-np.expm1(2 * self.log_alphas))

    @cached_property
    def lambdas(self) -> Values:
        """Half the logarithm of the signal-to-noise ratio."""
        return self.log_alphas - np.log(self.sigmas)

    @property
    def timesteps(self) -> Values:
        """The points as the network counts time; not whole numbers."""
        return (self.points - 1 / self.total) * 1000


def updates(steps: int) -> list[tuple[int, ...]]:
    """For each step, the points whose predictions it is made of, the one it takes for the current point last."""
    made = []
    for step in range(1, steps + 1):
        held = tuple(range(max(0, step - ORDER), step))
        final = steps + 1 - step if steps < SETTLED and step >= ORDER else ORDER
        made.append(held[: min(ORDER, final)])
    return made


def solve(predict: Callable[[Tensor, float], Tensor], noise: Tensor, schedule: Schedule, steps: int) -> Tensor:
    """The clean latents from ``noise``; ``predict(latents, timestep)`` tells the noise in them."""
    plan = updates(steps)
    wanted = {point for used in plan for point in used}
    cleaned: dict[int, Tensor] = {}
    x = noise
    for point, used in enumerate(plan):
        if point in wanted:
            eps = predict(x, float(schedule.timesteps[point])).float()
            cleaned[point] = (x - float(schedule.sigmas[point]) * eps) / float(schedule.alphas[point])
        x = _update(x, [cleaned[at] for at in used], used, point + 1, schedule)
        cleaned = {at: made for at, made in cleaned.items() if at > point + 1 - ORDER}
    return x


def _update(x: Tensor, cleaned: list[Tensor], used: tuple[int, ...], target: int, schedule: Schedule) -> Tensor:
    """One step of the order that the number of predictions gives: the paper's eq. 9 and its two refinements."""
    lambdas = schedule.lambdas
    current = used[-1]
    h = lambdas[target] - lambdas[current]
    phi = np.expm1(-h)
    alpha = schedule.alphas[target]
    x = float(schedule.sigmas[target] / schedule.sigmas[current]) * x - float(alpha * phi) * cleaned[-1]
    if len(used) == 1:
        return x
    # Divided differences of the predictions, over the steps behind relative to this one.
    r0 = (lambdas[current] - lambdas[used[-2]]) / h
    first = (cleaned[-1] - cleaned[-2]) / float(r0)
    if len(used) == 2:
        return x - float(0.5 * alpha * phi) * first
    r1 = (lambdas[used[-2]] - lambdas[used[-3]]) / h
    behind = (cleaned[-2] - cleaned[-3]) / float(r1)
    second = (first - behind) / float(r0 + r1)
    first = first + float(r0) * second
    return x + float(alpha * (phi / h + 1)) * first - float(alpha * ((phi + h) / h**2 - 0.5)) * second


def rounded(alphas_cumprod: Values, dtype: torch.dtype) -> Values:
    """The schedule as a network of half precision holds it; other precisions leave it in float32."""
    held = torch.from_numpy(alphas_cumprod).to(torch.float16 if dtype == torch.float16 else torch.float32)
    return held.double().numpy()
