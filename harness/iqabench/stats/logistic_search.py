"""Where to look for a logistic curve, and how to climb: a grid, all thresholds, and damped Newton steps."""

from __future__ import annotations

import math

import numpy as np

from iqabench.stats.logistic_problem import Problem, state_of
from iqabench.stats.pairs import Floats

_EXACT = 160  # up to so many distinct scores the search runs on all of them, not on bins
_TAIL = 12  # so many of the lowest and highest scores are bins of their own: that is where outliers lie
_BINS = 48
_THRESHOLDS = 6  # so many of the best steps are tried as starts
_FARTHEST = 18.0  # scales from the data at which the curve is an exponential to 1e-8
_WIDEST = 1e3  # scale, in standard deviations, at which the curve is a line to 1e-6


def starts_on_grid(problem: Problem) -> list[tuple[float, float, float]]:
    """The best cells of a grid over (centre, scale), with their gains, best first."""
    n = problem.u.size - 1
    distinct = problem.u[np.append(True, problem.u[1:] > problem.u[:-1])]
    exact = distinct.size <= _EXACT
    coarse = problem if exact and problem.u.size <= 2 * _EXACT else _binned(problem)
    gaps = np.diff(distinct)
    narrowest = float(gaps.min()) / 3 if exact else 8 * float(problem.u[n * 3 // 4] - problem.u[n // 4]) / n
    widest = 30.0
    scales = np.geomspace(max(min(narrowest, 0.02), 1e-9), widest, 24 if exact else 9)
    if distinct.size <= 40:
        inside = np.sort(np.concatenate([distinct, (distinct[1:] + distinct[:-1]) / 2]))
    else:
        inside = problem.u[np.linspace(0.005 * n, 0.995 * n, 40 if exact else 11).astype(int)]
    # Beyond the ends, and in wide gaps, a curve is told by how many scales its centre lies from the next score.
    reach = np.array([1.0, 3.0, 8.0, _FARTHEST])
    gap = np.argsort(gaps)[-4 if exact else -1 :]
    leftwards, rightwards = distinct[np.append(0, gap + 1)], distinct[np.append(gap, distinct.size - 1)]
    outside = np.concatenate(
        [leftwards[:, None] - reach[:, None, None] * scales, rightwards[:, None] + reach[:, None, None] * scales],
        axis=1,
    )
    outside = outside.reshape(-1, scales.size).T
    centres = np.concatenate([np.broadcast_to(inside, (scales.size, inside.size)), outside], axis=1)
    pairs = np.stack([centres, np.broadcast_to(scales[:, None], centres.shape)])
    gains = coarse.gains(pairs[0].ravel(), pairs[1].ravel()).reshape(centres.shape)
    peaks = _peaks(gains, inside.size, bar=0.0 if exact else 0.9)
    keep = 16 if exact else 3
    chosen = sorted(peaks, key=lambda at: -gains[at])[:keep]
    starts = [(float(centres[at]), float(scales[at[0]])) for at in chosen]
    if not exact:
        starts = _zoomed(coarse, starts, step=float(np.log(scales[1] / scales[0])))
    starts.append((0.0, _WIDEST / 2))
    at = np.array(starts)
    return sorted(
        ((*start, float(gain)) for start, gain in zip(starts, coarse.gains(*at.T), strict=True)),
        key=lambda start: -start[2],
    )


def _peaks(gains: Floats, inside: int, bar: float) -> list[tuple[int, int]]:
    """Cells no worse than their neighbours: the inner columns form a grid, the outer ones are taken by column,

    where they reach ``bar`` of the best inner cell."""
    padded = np.pad(gains[:, :inside], 1, constant_values=-1.0)
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


def _binned(problem: Problem) -> Problem:
    """``problem`` on at most _BINS + 2·_TAIL weighted points."""
    n = problem.u.size
    middle = np.linspace(_TAIL, n - _TAIL, _BINS + 1).astype(int)
    edges = np.unique(np.concatenate([np.arange(_TAIL), middle[:-1], np.arange(n - _TAIL, n)]))
    counts = np.diff(np.append(edges, n)).astype(float)
    u = np.add.reduceat(problem.u, edges) / counts
    y = np.add.reduceat(problem.y, edges) / counts
    return Problem.of(u, y, problem.linear, counts)


def _zoomed(problem: Problem, starts: list[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """Each start moved to the best of a finer grid around it."""
    if not starts:
        return starts
    shift = np.linspace(-1.0, 1.0, 5)
    spread, growth = (grid.ravel() for grid in np.meshgrid(shift, shift))
    at = np.array(starts)
    scales = at[:, 1:] * np.exp(step * growth)
    centres = at[:, :1] + spread * np.maximum(0.2, at[:, 1:])
    gains = problem.gains(centres.ravel(), scales.ravel()).reshape(scales.shape)
    best = gains.argmax(axis=1)
    return [(float(centres[i, j]), float(scales[i, j])) for i, j in enumerate(best)]


def polish(problem: Problem, starts: list[tuple[float, float, float]]) -> tuple[float, float, float] | None:
    """The best (centre, scale, gain) that damped Gauss-Newton reaches."""
    top, best = starts[0][2], None
    # With many scores the grid already ranks the basins, to the noise of one degree of freedom.
    noise = (problem.total - top) / problem.n
    many = problem.u.size > 4 * _EXACT
    promise = 0.997 * top - noise if many else 0.98 * top - 6 * noise if problem.u.size > 2 * _EXACT else 0.0
    alike = 0.995 if many else 0.9999  # curves of the same shape climb to the same place
    for centre, scale, gain in starts:
        if gain <= 0 or gain < promise:
            break
        if best is not None:
            start, top_state = state_of(problem, centre, scale), state_of(problem, best[0], best[1])
            product = float(start.column @ top_state.column)
            if product * product > alike * start.den * top_state.den:
                continue
        found = descend(problem, centre, scale)
        if best is None or found[2] > best[2]:
            best = found
    return best


def descend(problem: Problem, centre: float, scale: float) -> tuple[float, float, float]:
    """Levenberg-Marquardt over (centre, log scale) with the linear part projected out (Kaufman 1975).

    Where residuals are large, the Gauss-Newton Hessian is wrong by its second-order part: ``extra`` learns that
    from the change of the gradient (a symmetric rank-one update, Dennis, Gay and Welsch 1981).
    """
    u, r = problem.u, problem.r
    damping, floor = 1e-3, 1e-15 * problem.total
    state = state_of(problem, centre, scale)
    extra, before = (0.0, 0.0, 0.0), None
    jacobian = np.empty((2, u.size))
    for _ in range(250):
        if state.gain <= 0:
            break
        small = 1e-11 * (problem.total - state.gain) + floor
        slope = state.half * (1 - state.half)
        np.multiply(slope, 1 / scale, out=jacobian[0])
        np.multiply(slope, state.z, out=jacobian[1])
        projected = problem.project(jacobian)
        projected -= (projected @ state.column)[:, None] / state.den * state.column
        height = state.num / state.den
        gc, gs = (-height * (projected @ r)).tolist()
        (hcc, hcs), (_, hss) = (height * height * (projected @ projected.T)).tolist()
        if before is not None:
            extra = _second_order(extra, (hcc, hcs, hss), before, (gc, gs))
        full = (hcc + extra[0], hcs + extra[1], hss + extra[2])
        if full[0] > 0 and full[0] * full[2] - full[1] ** 2 > 0.01 * (hcc * hss - hcs**2):
            hcc, hcs, hss = full
        gain = state.gain
        while damping < 1e7:
            a, d = hcc * (1 + damping) + floor / scale**2, hss * (1 + damping) + floor
            det = a * d - hcs * hcs
            by_centre, by_scale = (d * gc - hcs * gs) / det, (a * gs - hcs * gc) / det
            if by_centre * gc + by_scale * gs <= small:
                return centre, scale, gain
            by_scale = min(max(by_scale, -2.0), 2.0)
            new_scale = min(max(scale * math.exp(by_scale), 1e-12), _WIDEST)
            bound = _FARTHEST * new_scale
            new_centre = min(max(centre + by_centre, float(u[0]) - bound), float(u[-1]) + bound)
            tried = state_of(problem, new_centre, new_scale)
            if tried.gain > gain:
                before = (new_centre - centre, math.log(new_scale / scale), gc, gs)
                centre, scale, state = new_centre, new_scale, tried
                damping = max(damping / 9, 1e-10)
                break
            damping *= 8
        if state.gain - gain <= small:
            break
    return centre, scale, state.gain


Symmetric = tuple[float, float, float]


def _second_order(
    extra: Symmetric,
    gauss_newton: Symmetric,
    before: tuple[float, float, float, float],
    gradient: tuple[float, float],
) -> Symmetric:
    """``extra`` updated so that the whole Hessian explains how the gradient changed over the last step."""
    dc, ds, old_c, old_s = before
    cc, cs, ss = (h + e for h, e in zip(gauss_newton, extra, strict=True))
    vc = old_c - gradient[0] - (cc * dc + cs * ds)
    vs = old_s - gradient[1] - (cs * dc + ss * ds)
    along = vc * dc + vs * ds
    if along * along <= 1e-16 * (vc * vc + vs * vs) * (dc * dc + ds * ds):
        return extra
    return extra[0] + vc * vc / along, extra[1] + vc * vs / along, extra[2] + vs * vs / along


def steps(problem: Problem, bar: float) -> list[tuple[float, float, float]]:
    """The best step, whose middle may lie on one score and give it any height between the two levels, and what
    Gauss-Newton makes of the best thresholds: noise is fitted best by narrow curves that no grid can see.

    Nothing where no step comes near taking ``bar`` off the sum of squares.
    """
    start = np.flatnonzero(np.append(True, problem.u[1:] > problem.u[:-1]))
    if start.size < 2:
        return []
    value, count = problem.u[start], np.diff(np.append(start, problem.u.size)).astype(float)
    ry, ru = np.add.reduceat(problem.r, start), value * count
    n, part = problem.n, (1 / problem.suu if problem.linear else 0.0)
    # Sums over the scores above each one. A: the step there; B: the score alone; yy, ab, ...: their products.
    above_n = n - np.cumsum(count)
    above_y, above_u = -np.cumsum(ry), -np.cumsum(ru)
    aa = above_n - above_n * above_n / n - part * above_u * above_u
    plain = problem.gain(above_y[:-1], np.where(aa[:-1] > 1e-12 * n, aa[:-1], 0.0))
    if plain.max() + 4 * float((ry * ry / count).max()) < bar:
        return []
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
    exact = [(centre, scale, state_of(problem, centre, scale).gain) for centre, scale in found]
    narrow = []
    # A narrow curve betters its step by a few times the noise of one degree of freedom.
    worth = max(0.5 * bar, bar - 4 * (problem.total - bar) / n)
    for k in np.argsort(-plain)[: _THRESHOLDS if problem.u.size <= 4 * _EXACT else 1]:
        if plain[k] > worth:
            span = float(value[min(k + 3, value.size - 1)] - value[max(0, k - 2)])
            middle = float(value[k] + value[k + 1]) / 2
            narrow += [descend(problem, middle, span / width) for width in (3, 12)]
    return exact + narrow
