"""DPM-Solver++ as it is run here, against the official order of things written out, with every evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from iqabench.diffusion.schedules import alphas_cumprod, scaled_linear_betas
from iqabench_enhancer_quadprior.solver import Schedule, rounded, solve, updates

ALPHAS = rounded(alphas_cumprod(scaled_linear_betas()), torch.float32)


def predict(x: Tensor, timestep: float) -> Tensor:
    """A smooth network in miniature, that looks at time."""
    return torch.tanh(0.7 * x + timestep / 700) + 0.1 * x.roll(1, -1)


def by_the_book(noise: Tensor, steps: int, guidance: float) -> tuple[Tensor, int]:
    """The official loop: lists of three that are shifted, an evaluation at every point, and guidance."""
    schedule, evaluations = Schedule(ALPHAS, steps), 0

    def clean(x: Tensor, point: int) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        with_hint, without = (predict(x, float(schedule.timesteps[point])) for _ in range(2))
        eps = without + guidance * (with_hint - without)
        return (x - schedule.sigmas[point] * eps) / schedule.alphas[point]

    def step(x: Tensor, models: list[Tensor], times: list[int], target: int) -> Tensor:
        lambdas, sigmas = schedule.lambdas, schedule.sigmas
        alpha, h = schedule.alphas[target], lambdas[target] - lambdas[times[-1]]
        grown = np.exp(-h) - 1
        x = sigmas[target] / sigmas[times[-1]] * x - alpha * grown * models[-1]
        if len(models) >= 2:
            r0 = (lambdas[times[-1]] - lambdas[times[-2]]) / h
            d0 = (models[-1] - models[-2]) / r0
        if len(models) == 2:
            x = x - 0.5 * alpha * grown * d0
        if len(models) == 3:
            r1 = (lambdas[times[-2]] - lambdas[times[-3]]) / h
            d1 = (models[-2] - models[-3]) / r1
            x = x + alpha * (grown / h + 1) * (d0 + r0 / (r0 + r1) * (d0 - d1))
            x = x - alpha * ((grown + h) / h**2 - 0.5) * (d0 - d1) / (r0 + r1)
        return x

    x, models, times = noise.double(), [clean(noise.double(), 0)], [0]
    for point in (1, 2):
        x = step(x, models, times, point)
        models.append(clean(x, point))
        times.append(point)
    for point in range(3, steps + 1):
        order = min(3, steps + 1 - point) if steps < 15 else 3
        x = step(x, models[:order], times[:order], point)
        models, times = [*models[1:], models[-1]], [*times[1:], point]
        if point < steps:
            models[-1] = clean(x, point)
    return x, evaluations


@pytest.mark.parametrize("steps", [3, 4, 5, 10, 14, 15, 20])
def test_fewer_evaluations_give_the_same(steps: int) -> None:
    noise = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    asked: list[float] = []

    def counted(x: Tensor, timestep: float) -> Tensor:
        asked.append(timestep)
        return predict(x, timestep)

    found = solve(counted, noise, Schedule(ALPHAS, steps), steps)
    expected, evaluations = by_the_book(noise, steps, guidance=9.0)
    assert evaluations == steps
    assert float((found - expected).abs().max()) < 2e-5 * float(expected.std())
    assert len(asked) == len({point for used in updates(steps) for point in used}) <= steps


def test_the_released_plan() -> None:
    """Eight evaluations at ten steps; the last two steps rest on the oldest of what is held."""
    plan = updates(10)
    assert plan[:4] == [(0,), (0, 1), (0, 1, 2), (1, 2, 3)]
    assert plan[8:] == [(6, 7), (7,)]
    assert {point for used in plan for point in used} == set(range(8))
    timesteps = Schedule(ALPHAS, 10).timesteps
    assert timesteps[[0, 1, 9]].tolist() == pytest.approx([999, 899.1, 99.9])


def test_half_precision_rounds_the_schedule() -> None:
    """As it does in the official code, whose networks hold it; the last step leaves more noise."""
    exact = alphas_cumprod(scaled_linear_betas())
    ends = [Schedule(rounded(exact, dtype), 10).sigmas[-1] for dtype in (torch.float32, torch.float16, torch.bfloat16)]
    assert ends == pytest.approx([0.02916, 0.03125, 0.02916], abs=1e-4)
