"""Least-squares logistic curves, found by search rather than by hope.

The curve is ŷ = b + d·u + a·σ((u-c)/s) on standardised scores u. For a given centre c and scale s the rest is
linear, so only (c, s) is searched (variable projection): a grid on binned data finds the basins, a scan over
all thresholds finds the best step (the limit s -> 0), and damped Newton steps on all data finish. Straight
line, exponential and step are limits of the family, and the search reaches all three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iqabench.stats.logistic_problem import Problem, sigmoid, state_of
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


def fit_logistic(x: Floats, y: Floats, *, linear_term: bool) -> Curve:
    """The least-squares curve through (x, y), both (n,) and finite, that never falls: height and slope ≥ 0.

    Without ``linear_term`` the slope is 0. The best curve with one lies inside the feasible set, or on its edge,
    where it is the best curve without. Where no curve rises: the line, or the constant.
    """
    mean, sd = float(x.mean()), float(x.std())
    flat = Curve(float(y.mean()), 0.0, 0.0, mean, sd or 1.0)
    if sd == 0 or not math.isfinite(sd) or float(np.ptp(y)) == 0:
        return flat
    order = np.argsort(x)
    u, v = (x[order] - mean) / sd, y[order]
    problems = [Problem.of(u, v, linear) for linear in ((False, True) if linear_term else (False,))]
    levels = Levels.of(problems[0].u)
    with np.errstate(over="ignore"):  # exp(inf) is inf, and 1/inf the right 0
        tops: list[Start] = []
        left: list[float] = []
        for problem, starts in zip(problems, starts_on_grid(problems), strict=True):
            if tops:  # beside a line the best curve of the first family gets steeper
                starts += [_start(problem, tops[0][0], share * tops[0][1]) for share in (0.6, 0.35)]
                starts.sort(key=lambda start: -start[2])
            # The second family holds the first: a curve that takes off less than that is of no use.
            tops.append(_top(problem, levels, starts, bar=problem.total - left[0] if left else 0.0))
            left.append(problem.total - tops[-1][2])
        if linear_term and tops[1][2] <= 0 and problems[1].along <= 0:
            left[1] = problems[0].total  # not even the line rises
        chosen = int(np.argmin(left))
        problem, (centre, scale, gain) = problems[chosen], tops[chosen]
        if gain > 0:
            return _curve(problem, centre, scale, mean, sd)
    slope = max(0.0, problem.along / math.sqrt(problem.suu)) / sd if problem.linear and problem.suu > 0 else 0.0
    return Curve(flat.base - slope * mean, slope, 0.0, mean, sd)


def _start(problem: Problem, centre: float, scale: float) -> Start:
    return centre, scale, state_of(problem, centre, scale).gain


def _top(problem: Problem, levels: Levels, starts: list[Start], bar: float) -> Start:
    """Centre, scale and gain of the best curve of one family, or of any where none comes over ``bar``; a gain of 0
    where nothing bends."""
    best = polish(problem, starts, bar)
    for found in steps(problem, levels, max(bar, best[2]) if best else bar):
        if best is None or found[2] > best[2]:
            best = found
    return best or (0.0, 1.0, 0.0)


def _curve(problem: Problem, centre: float, scale: float, mean: float, sd: float) -> Curve:
    """The curve in the data's units, with its linear part."""
    state = state_of(problem, centre, scale)
    above = bool(state.z[0] + state.z[-1] > 0)
    height = state.num / state.den if state.gain > 0 else 0.0
    rest = problem.y - height * (-state.half if above else state.half)
    slope = 0.0
    if problem.linear and problem.suu > 0:
        slope = float(problem.u @ (rest - rest.mean())) / problem.suu
    base = float((rest - slope * problem.u).mean())
    origin = mean + sd * problem.origin
    return Curve(base - slope * origin / sd, slope / sd, height, origin + sd * centre, sd * scale, above)
