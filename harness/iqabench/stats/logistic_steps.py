"""The step functions that a logistic curve comes to as its scale shrinks: all thresholds at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iqabench.stats.logistic_climb import descend
from iqabench.stats.logistic_problem import EXACT, Problem, State, state_of
from iqabench.stats.pairs import Floats

_THRESHOLDS = 6  # so many of the best steps are tried as starts


@dataclass(frozen=True, slots=True)
class Levels:
    """The distinct scores of sorted data: where each begins (None where all differ), its value, how often it is there,
    and the number and the sum of the scores above it."""

    start: NDArray[np.intp] | None
    value: Floats
    count: Floats
    above: Floats
    above_u: Floats

    @classmethod
    def of(cls, u: Floats) -> Levels:
        new = u[1:] > u[:-1]
        if new.all():
            return cls(None, u, np.ones(u.size), np.arange(u.size - 1.0, -1.0, -1.0), -np.cumsum(u))
        start = np.append(0, np.flatnonzero(new) + 1)
        value, count = u[start], np.diff(np.append(start, u.size)).astype(float)
        return cls(start, value, count, u.size - np.cumsum(count), -np.cumsum(value * count))

    def sums(self, values: Floats) -> Floats:
        return values if self.start is None else np.asarray(np.add.reduceat(values, self.start))


def steps(problem: Problem, levels: Levels, bar: float) -> list[State]:
    """The best step, whose middle may lie on one score and give it any height between the two levels, and what
    Newton steps make of the best thresholds: noise is fitted best by narrow curves that no grid can see.

    Nothing where no step comes near taking ``bar`` off the sum of squares.
    """
    value, count = levels.value, levels.count
    if value.size < 2:
        return []
    ry = levels.sums(problem.r)
    n, part = problem.n, (1 / problem.suu if problem.linear else 0.0)
    # Sums over the scores above each one. A: the step there; B: the score alone; yy, ab, ...: their products.
    above_n, above_y, above_u = levels.above, -np.cumsum(ry), levels.above_u
    aa = above_n - above_n * above_n / n - part * above_u * above_u
    plain = problem.gain(above_y[:-1], np.where(aa[:-1] > 1e-12 * n, aa[:-1], 0.0))
    if plain.max() + 4 * float((ry * ry / count).max()) < bar:
        return []
    ru = value * count
    ab = -above_n * count / n - part * above_u * ru
    bb = count - count * count / n - part * ru * ru
    det = aa * bb - ab * ab
    upper = bb * above_y - ab * ry
    middle = aa * ry - ab * above_y
    fine = (det > 1e-12 * n) & (upper * middle >= 0) & (np.abs(middle) <= np.abs(upper)) & (np.abs(upper) > 0)
    fine &= upper > 0
    share = np.divide(middle, upper, out=np.zeros_like(upper), where=fine)
    gain = np.divide(above_y * upper + ry * middle, det, out=np.zeros_like(det), where=fine)
    at, edge = int(gain.argmax()), int(plain.argmax())
    found = []
    if gain[at] > 0:
        room = np.diff(value[max(0, at - 1) : at + 2]).min() / 80
        odds = max(share[at], 1e-15) / max(1 - share[at], 1e-15)
        found.append((float(value[at] - room * math.log(odds)), float(room)))
    if plain[edge] > 0:
        found.append((float(value[edge] + value[edge + 1]) / 2, float(value[edge + 1] - value[edge]) / 80))
    exact = [state_of(problem, centre, scale) for centre, scale in found]
    narrow = []
    # A narrow curve betters its step by a few times the noise of one degree of freedom.
    worth = max(0.5 * bar, bar - 4 * (problem.total - bar) / n)
    several = problem.u.size <= 4 * EXACT
    for k in np.argsort(-plain)[:_THRESHOLDS].tolist() if several else [edge]:
        if plain[k] > worth:
            span = float(value[min(k + 3, value.size - 1)] - value[max(0, k - 2)])
            between = float(value[k] + value[k + 1]) / 2
            starts = (state_of(problem, between, span / width) for width in (3, 12))
            narrow += [descend(problem, start, bar=bar, tolerance=1e-7) for start in starts]
    top = max(narrow, key=lambda climb: climb.gain, default=None)
    return [*exact, descend(problem, top)] if top and top.gain > bar else exact
