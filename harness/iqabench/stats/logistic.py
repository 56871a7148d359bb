"""Least-squares logistic curves, found by search rather than by hope.

The curve is ŷ = b + d·u + a·σ((u-c)/s) on standardised scores u. For a given centre c and scale s the rest is
linear, so only (c, s) is searched (variable projection): a grid on binned data finds the basins, a scan over
all thresholds finds the best step (the limit s -> 0), and damped Newton steps on all data finish. Straight
line, exponential and step are limits of the family, and the search reaches all three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iqabench.stats.logistic_problem import Problem, State, sigmoid, state_of
from iqabench.stats.logistic_search import Start, polish, starts_on_grid
from iqabench.stats.logistic_steps import Levels, steps
from iqabench.stats.pairs import Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """``base + slope·x + height·σ((x - centre)/scale)``, in the units of the data.

    With ``from_above`` the last term is height·(σ-1), which is the same curve with ``base`` at its upper level
    and keeps its digits where nearly all data lie above the centre.
    """

    base: float
    slope: float
    height: float
    centre: float
    scale: float
    from_above: bool = False

    def __call__(self, x: Floats) -> Floats:
        z = (x - self.centre) / self.scale
        half = -sigmoid(-z) if self.from_above else sigmoid(z)
        return self.base + self.slope * x + self.height * half

    def levels(self) -> tuple[float, float]:
        """(upper, lower) level of the sigmoid, without the linear term."""
        return (self.base, self.base - self.height) if self.from_above else (self.base + self.height, self.base)


def fit_logistics(x: Floats, y: Floats, *, linear_terms: Sequence[bool]) -> list[Curve]:
    """The least-squares curves through (x, y), both (n,) and finite, that never fall: height and slope ≥ 0.

    One for each of ``linear_terms``: where it is false the slope is 0. The best curve with a linear term lies inside
    the feasible set, or on its edge, where it is the best curve without: one search finds both. Where no curve rises:
    the line, or the constant.
    """
    mean, sd = float(x.mean()), float(x.std())
    if sd == 0 or not math.isfinite(sd) or float(np.ptp(y)) == 0:
        return [Curve(float(y.mean()), 0.0, 0.0, mean, sd or 1.0)] * len(linear_terms)
    order = np.argsort(x)
    u, v = (x[order] - mean) / sd, y[order]
    problems = [Problem.of(u, v, linear) for linear in ((False, True) if any(linear_terms) else (False,))]
    levels = Levels.of(problems[0].u)
    tops: list[State | None] = []
    left: list[float] = []
    with np.errstate(over="ignore"):  # exp(inf) is inf, and 1/inf the right 0
        for problem, starts in zip(problems, starts_on_grid(problems, levels.value), strict=True):
            if tops and tops[0]:  # beside a line the best curve of the first family gets steeper
                starts += [_start(problem, tops[0].centre, share * tops[0].scale) for share in (0.6, 0.35)]
                starts.sort(key=lambda start: -start[2])
            # The second family holds the first: a curve that takes off less than that is of no use.
            top = _top(problem, levels, starts, bar=problem.total - left[0] if left else 0.0)
            tops.append(top)
            left.append(problem.total - (top.gain if top else 0.0))
    if tops[-1] is None and problems[-1].along <= 0:
        left[-1] = problems[0].total  # not even the line rises
    best = int(np.argmin(left))
    chosen = [best if linear else 0 for linear in linear_terms]
    return [_curve(problems[family], tops[family], mean, sd) for family in chosen]


def _start(problem: Problem, centre: float, scale: float) -> Start:
    return centre, scale, state_of(problem, centre, scale).gain


def _top(problem: Problem, levels: Levels, starts: list[Start], bar: float) -> State | None:
    """The best curve of one family, or any where none comes over ``bar``; None where nothing bends."""
    best = polish(problem, starts, bar)
    found = steps(problem, levels, max(bar, best.gain) if best else bar)
    top = max([best, *found] if best else found, key=lambda state: state.gain, default=None)
    return top if top and top.gain > 0 else None


def _curve(problem: Problem, state: State | None, mean: float, sd: float) -> Curve:
    """The curve in the data's units, with its linear part; without ``state`` the line, or the constant."""
    if state is None:
        level = float(problem.y.mean())
        slope = max(0.0, problem.along / math.sqrt(problem.suu)) / sd if problem.linear and problem.suu > 0 else 0.0
        return Curve(level - slope * mean, slope, 0.0, mean, sd)
    height = state.num / state.den
    rest = problem.y - height * (-state.half if state.above else state.half)
    slope = 0.0
    if problem.linear and problem.suu > 0:
        slope = float(problem.u @ (rest - rest.mean())) / problem.suu
    base = float((rest - slope * problem.u).mean())
    origin = mean + sd * problem.origin
    centre, scale = origin + sd * state.centre, sd * state.scale
    return Curve(base - slope * origin / sd, slope / sd, height, centre, scale, state.above)
