"""Where to look for a logistic curve: a grid on binned scores, and which of its starts are worth climbing from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from iqabench.stats.logistic_climb import FARTHEST, WIDEST, alike, descend
from iqabench.stats.logistic_problem import EXACT, Problem, State, column_of, state_of
from iqabench.stats.pairs import Floats

_TAIL = 12  # so many of the lowest and highest scores are bins of their own: that is where outliers lie
_BINS = 48
_SPREAD, _GROWTH = (grid.ravel() for grid in np.meshgrid(np.linspace(-1.0, 1.0, 5), np.linspace(-1.0, 1.0, 5)))

Start = tuple[float, float, float]
"""Centre, scale, and what that curve takes off the sum of squares."""


def starts_on_grid(problems: Sequence[Problem], distinct: Floats) -> list[list[Start]]:
    """For each of ``problems``, which share their scores, the best cells of one grid over (centre, scale), with their
    gains, best first. ``distinct`` are the scores without repetition."""
    u = problems[0].u
    n = u.size - 1
    exact = distinct.size <= EXACT
    coarse = list(problems) if exact and u.size <= 2 * EXACT else _binned(problems)
    gaps = np.diff(distinct)
    narrowest = float(gaps.min()) / 3 if exact else 8 * float(u[n * 3 // 4] - u[n // 4]) / n
    widest = 30.0
    finest = max(min(narrowest, 0.02), 1e-9)
    scales = finest * (widest / finest) ** np.linspace(0.0, 1.0, 24 if exact else 9)
    if distinct.size <= 40:
        inside = np.sort(np.concatenate([distinct, (distinct[1:] + distinct[:-1]) / 2]))
    else:
        inside = u[np.linspace(0.005 * n, 0.995 * n, 40 if exact else 11).astype(int)]
    # Beyond the ends, and in wide gaps, a curve is told by how many scales its centre lies from the next score.
    reach = np.array([1.0, 3.0, 8.0, FARTHEST])
    gap = np.argpartition(gaps, -4)[-4:] if exact and gaps.size > 4 else np.array([int(gaps.argmax())])
    leftwards, rightwards = distinct[np.append(0, gap + 1)], distinct[np.append(gap, distinct.size - 1)]
    outside = np.concatenate(
        [leftwards[:, None] - reach[:, None, None] * scales, rightwards[:, None] + reach[:, None, None] * scales],
        axis=1,
    )
    outside = outside.reshape(-1, scales.size).T
    centres = np.concatenate([np.broadcast_to(inside, (scales.size, inside.size)), outside], axis=1)
    columns = column_of((coarse[0].u - centres[..., None]) / scales[:, None, None])
    found = []
    for problem in coarse:
        gains = problem.gains_of(columns)
        peaks = _peaks(gains, inside.size, bar=0.0 if exact else 0.9)
        chosen = sorted(peaks, key=lambda at: -gains[at])[: 16 if exact else 3]
        starts = [(float(centres[at]), float(scales[at[0]]), float(gains[at])) for at in chosen]
        starts.append((0.0, WIDEST / 2, 0.0))
        starts = _zoomed(problem, starts, step=0.0 if exact else math.log(scales[1] / scales[0]))
        found.append(sorted(starts, key=lambda start: -start[2]))
    return found


def _peaks(gains: Floats, inside: int, bar: float) -> list[tuple[int, int]]:
    """Cells no worse than their neighbours: the inner columns form a grid, the outer ones are taken by column,

    where they reach ``bar`` of the best inner cell."""
    padded = np.full((gains.shape[0] + 2, inside + 2), -1.0)
    padded[1:-1, 1:-1] = gains[:, :inside]
    centre = padded[1:-1, 1:-1]
    peak = centre > 0
    for di in (0, 1, 2):
        for dj in (0, 1, 2):
            if (di, dj) != (1, 1):
                peak &= centre >= padded[di : di + centre.shape[0], dj : dj + centre.shape[1]]
    outer = gains[:, inside:]
    best = outer.argmax(axis=0)
    bar *= float(gains[:, :inside].max())
    found = [(int(i), int(j)) for i, j in np.argwhere(peak)]
    return found + [(int(i), inside + j) for j, i in enumerate(best) if outer[i, j] > bar]


def _binned(problems: Sequence[Problem]) -> list[Problem]:
    """``problems``, of more than EXACT scores, on _BINS + 2·_TAIL weighted points."""
    u, y = problems[0].u, problems[0].y
    n = u.size
    middle = np.linspace(_TAIL, n - _TAIL, _BINS + 1).astype(int)
    edges = np.concatenate([np.arange(_TAIL), middle[:-1], np.arange(n - _TAIL, n)])
    counts = np.diff(np.append(edges, n)).astype(float)
    means = np.add.reduceat(u, edges) / counts, np.add.reduceat(y, edges) / counts
    return [Problem.of(*means, problem.linear, counts) for problem in problems]


def _zoomed(problem: Problem, starts: list[Start], step: float) -> list[Start]:
    """Each start moved to the best of a finer grid around it; where ``step`` is 0, as it is, its gain computed."""
    at = np.array(starts)
    if not step:
        gains = problem.gains(at[:, 0], at[:, 1]).tolist()
        return [(centre, scale, gain) for (centre, scale, _), gain in zip(starts, gains, strict=True)]
    scales = at[:, 1:2] * np.exp(step * _GROWTH)
    centres = at[:, :1] + _SPREAD * np.maximum(0.2, at[:, 1:2])
    gains = problem.gains(centres.ravel(), scales.ravel()).reshape(scales.shape)
    best = gains.argmax(axis=1)
    return [(float(centres[i, j]), float(scales[i, j]), float(gains[i, j])) for i, j in enumerate(best)]


def polish(problem: Problem, starts: list[Start], bar: float = 0.0) -> State | None:
    """The best curve that climbs from the starts reach; those far below ``bar`` are given up."""
    top, best = starts[0][2], None
    # With many scores the grid already ranks the basins, to the noise of one degree of freedom.
    noise = (problem.total - top) / problem.n
    many = problem.u.size > 4 * EXACT
    promise = 0.997 * top - noise if many else 0.98 * top - 6 * noise if problem.u.size > 2 * EXACT else 0.0
    like = 0.995 if many else 0.9999  # curves of the same shape climb to the same place
    for centre, scale, gain in starts:
        if gain <= 0 or gain < promise:
            break
        start = state_of(problem, centre, scale)
        if best is not None and alike(start, best) > like:
            continue
        found = descend(problem, start, bar=max(bar, best.gain) if best else bar, known=best)
        if best is None or found.gain > best.gain:
            best = found
    if best is not None and not many:
        # An exponential is level in its centre: whether it would rather bend is seen from nearer the scores.
        for edge, way in ((float(problem.u[-1]), 1.0), (float(problem.u[0]), -1.0)):
            if way * (best.centre - edge) > 5 * best.scale:
                nearer = descend(problem, state_of(problem, edge + way * 4 * best.scale, best.scale))
                best = max(best, nearer, key=lambda climb: climb.gain)
    return best
