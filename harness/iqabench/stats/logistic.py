"""Least-squares logistic curves, found by search rather than by hope.

The curve is ŷ = b + d·u + a·σ((u-c)/s) on standardised scores u. For a given centre c and scale s the rest is
linear, so only (c, s) is searched (variable projection): a grid on binned data finds the basins, a scan over
all thresholds finds the best step (the limit s -> 0), and damped Gauss-Newton on all data finishes. Straight
line, exponential and step are limits of the family, and the search reaches all three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iqabench.stats.logistic_problem import Problem, sigmoid, state_of
from iqabench.stats.logistic_search import polish, starts_on_grid, steps
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
    where it is the best curve without.
    """
    bent = fit_curve(x, y, linear_term=False)
    if not linear_term:
        return bent
    both = fit_curve(x, y, linear_term=True)
    losses = [float(((curve(x) - y) ** 2).sum()) for curve in (bent, both)]
    return both if losses[1] < losses[0] else bent


def fit_curve(x: Floats, y: Floats, *, linear_term: bool) -> Curve:
    """The same, with a slope above 0 where there is a linear term. No rising curve: the line, or the constant."""
    mean, sd = float(x.mean()), float(x.std())
    flat = Curve(float(y.mean()), 0.0, 0.0, mean, sd or 1.0)
    if sd == 0 or not math.isfinite(sd) or float(np.ptp(y)) == 0:
        return flat
    order = np.argsort(x)
    problem = Problem.of((x[order] - mean) / sd, y[order], linear_term)
    with np.errstate(over="ignore"):  # exp(inf) is inf, and 1/inf the right 0
        best = polish(problem, starts_on_grid(problem))
        for found in steps(problem, best[2] if best else 0.0):
            if best is None or found[2] > best[2]:
                best = found
    if best is None or best[2] <= 0:
        # Nothing bends: a rising line where one is asked for, or a constant.
        slope = max(0.0, float((x - mean) @ y) / (x.size * sd * sd)) if linear_term else 0.0
        return Curve(flat.base - slope * mean, slope, 0.0, mean, sd)
    with np.errstate(over="ignore"):
        return _curve(problem, best[0], best[1], mean, sd)


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
