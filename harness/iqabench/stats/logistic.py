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
from iqabench.stats.pairs import Floats

_EXACT = 160  # up to so many distinct scores the search runs on all of them, not on bins
_TAIL = 12  # so many of the lowest and highest scores are bins of their own: that is where outliers lie
_BINS = 48
_WIDEST = 1e3  # scale, in standard deviations, at which the curve is a line to 1e-6


@dataclass(frozen=True, slots=True)
class Curve:
    """``base + slope·x + height·σ((x - centre)/scale)``, in the units of the data."""

    base: float
    slope: float
    height: float
    centre: float
    scale: float

    def __call__(self, x: Floats) -> Floats:
        z = (x - self.centre) / self.scale
        # Either half of the sigmoid, whichever keeps its digits; they differ by the constant in ``base``.
        return self.base + self.slope * x + self.height * _sigmoid(z)


def fit_curve(x: Floats, y: Floats, *, linear_term: bool) -> Curve:
    """The least-squares curve through (x, y), both (n,) and finite.

    Without ``linear_term`` the curve rises: height ≥ 0, and where no rising curve is better than a constant
    it is the constant. With it, slope and height are free.
    """
    mean, sd = float(x.mean()), float(x.std())
    flat = Curve(float(y.mean()), 0.0, 0.0, mean, sd or 1.0)
    if sd == 0 or not math.isfinite(sd) or float(np.ptp(y)) == 0:
        return flat
    order = np.argsort(x)
    problem = _Problem.of((x[order] - mean) / sd, y[order], linear_term)
    with np.errstate(over="ignore"):  # exp(inf) is inf, and 1/inf the right 0
        best = _polish(problem, _starts(problem))
        step = _best_step(problem, best[2] if best else 0.0)
    if step is not None and (best is None or step[2] > best[2]):
        best = step
    if best is None or best[2] <= 0:
        if not linear_term:
            return flat
        best = (0.0, 1.0, 0.0)
    return _curve(problem, best[0], best[1], mean, sd)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Sorted data. ``r`` is y less what the linear part (1, and u with ``linear``) explains; ``w`` are counts."""

    u: Floats
    y: Floats
    r: Floats
    w: Floats | None
    linear: bool
    n: float
    suu: float
    origin: float
    total: float

    @classmethod
    def of(cls, u: Floats, y: Floats, linear: bool, w: Floats | None = None) -> _Problem:
        n = float(u.size if w is None else w.sum())
        origin = float(u.mean() if w is None else (w * u).sum() / n)
        v = u - origin
        weight = v if w is None else v * w
        suu = float(weight @ v)
        r = y - float(y.mean() if w is None else (w * y).sum() / n)
        if linear and suu > 0:
            r = r - float(weight @ r) / suu * v
        return cls(v, y, r, w, linear, n, suu, origin, float((r if w is None else r * w) @ r))

    def project(self, columns: Floats) -> Floats:
        """``columns`` (..., m) less their part along 1, and along u where there is a linear term."""
        sums = np.add.reduce(columns, axis=-1) if self.w is None else columns @ self.w
        out = columns - (sums / self.n)[..., None]
        if self.linear and self.suu > 0:
            along = self.u if self.w is None else self.u * self.w
            out -= (out @ along / self.suu)[..., None] * self.u
        return out

    def gains(self, centres: Floats, scales: Floats) -> Floats:
        """What each (centre, scale) takes off the sum of squares (g,)."""
        columns = self.project(_column((self.u - centres[:, None]) / scales[:, None]))
        weighted = columns if self.w is None else columns * self.w
        num = weighted @ self.r
        den = np.einsum("gm,gm->g", weighted, columns)
        return self.gain(num, den)

    def gain(self, num: Floats, den: Floats) -> Floats:
        gain = np.divide(num * num, den, out=np.zeros_like(num), where=den > 1e-24 * self.n)
        return gain if self.linear else np.where(num > 0, gain, 0.0)


def _sigmoid(z: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-z))


def _column(z: Floats) -> Floats:
    """σ(z), or σ(z)-1 where the curve is nearly all above its centre: equal but for a constant, with digits kept."""
    sign = np.where(z[..., :1] + z[..., -1:] > 0, -1.0, 1.0)
    return sign * _sigmoid(sign * z)


def _starts(problem: _Problem) -> list[tuple[float, float, float]]:
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
    reach = np.array([1.0, 3.0, 8.0, 25.0])
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


def _binned(problem: _Problem) -> _Problem:
    """``problem`` on at most _BINS + 2·_TAIL weighted points."""
    n = problem.u.size
    middle = np.linspace(_TAIL, n - _TAIL, _BINS + 1).astype(int)
    edges = np.unique(np.concatenate([np.arange(_TAIL), middle[:-1], np.arange(n - _TAIL, n)]))
    counts = np.diff(np.append(edges, n)).astype(float)
    u = np.add.reduceat(problem.u, edges) / counts
    y = np.add.reduceat(problem.y, edges) / counts
    return _Problem.of(u, y, problem.linear, counts)


def _zoomed(problem: _Problem, starts: list[tuple[float, float]], step: float) -> list[tuple[float, float]]:
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


def _polish(problem: _Problem, starts: list[tuple[float, float, float]]) -> tuple[float, float, float] | None:
    """The best (centre, scale, gain) that damped Gauss-Newton reaches."""
    top, best = starts[0][2], None
    # With many scores the grid already ranks the basins, to the noise of one degree of freedom.
    promise = 0.997 * top - (problem.total - top) / problem.n if problem.u.size > 4 * _EXACT else 0.0
    for centre, scale, gain in starts:
        if gain <= 0 or gain < promise:
            break
        if best is not None:
            near = 0.7 * max(scale, best[1])
            if abs(math.log(scale / best[1])) < 0.7 and abs(centre - best[0]) < near:
                continue
        found = _descend(problem, centre, scale)
        if best is None or found[2] > best[2]:
            best = found
    return best


def _descend(problem: _Problem, centre: float, scale: float) -> tuple[float, float, float]:
    """Levenberg-Marquardt over (centre, log scale) with the linear part projected out (Kaufman 1975).

    Where residuals are large, the Gauss-Newton Hessian is wrong by its second-order part: ``extra`` learns that
    from the change of the gradient (a symmetric rank-one update, Dennis, Gay and Welsch 1981).
    """
    u, r = problem.u, problem.r
    damping, floor = 1e-3, 1e-15 * problem.total
    state = _state(problem, centre, scale)
    extra, before = (0.0, 0.0, 0.0), None
    jacobian = np.empty((2, u.size))
    for _ in range(60):
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
        while damping < 1e12:
            a, d = hcc * (1 + damping) + floor / scale**2, hss * (1 + damping) + floor
            det = a * d - hcs * hcs
            by_centre, by_scale = (d * gc - hcs * gs) / det, (a * gs - hcs * gc) / det
            if by_centre * gc + by_scale * gs <= small:
                return centre, scale, gain
            by_scale = min(max(by_scale, -2.0), 2.0)
            new_scale = min(max(scale * math.exp(by_scale), 1e-12), _WIDEST)
            bound = 40 * new_scale
            new_centre = min(max(centre + by_centre, float(u[0]) - bound), float(u[-1]) + bound)
            tried = _state(problem, new_centre, new_scale)
            if tried.gain > gain:
                before = (new_centre - centre, math.log(new_scale / scale), gc, gs)
                centre, scale, state = new_centre, new_scale, tried
                damping = max(damping / 9, 1e-12)
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


@dataclass(frozen=True, slots=True)
class _State:
    """One curve of the search: σ or 1-σ of ``z``, the projected column, and its products with itself and r."""

    z: Floats
    half: Floats
    column: Floats
    num: float
    den: float
    gain: float


def _state(problem: _Problem, centre: float, scale: float) -> _State:
    z = (problem.u - centre) * (1 / scale)
    above = z[0] + z[-1] > 0
    half = 1 / (1 + np.exp(z if above else -z))
    column = problem.project(-half if above else half)
    num, den = float(column @ problem.r), float(column @ column)
    exists = den > 1e-24 * problem.n and (problem.linear or num > 0)
    return _State(z, half, column, num, den, num * num / den if exists else 0.0)


def _best_step(problem: _Problem, bar: float) -> tuple[float, float, float] | None:
    """The best step, whose middle may lie on one score and give it any height between the two levels.

    None where no step can take more than ``bar`` off the sum of squares.
    """
    start = np.flatnonzero(np.append(True, problem.u[1:] > problem.u[:-1]))
    if start.size < 2:
        return None
    value, count = problem.u[start], np.diff(np.append(start, problem.u.size)).astype(float)
    ry, ru = np.add.reduceat(problem.r, start), value * count
    n, part = problem.n, (1 / problem.suu if problem.linear else 0.0)
    # Sums over the scores above each one. A: the step there; B: the score alone; yy, ab, ...: their products.
    above_n = n - np.cumsum(count)
    above_y, above_u = -np.cumsum(ry), -np.cumsum(ru)
    aa = above_n - above_n * above_n / n - part * above_u * above_u
    plain = problem.gain(above_y[:-1], np.where(aa[:-1] > 1e-12 * n, aa[:-1], 0.0))
    if plain.max() + 4 * float((ry * ry / count).max()) < bar:
        return None
    ab = -above_n * count / n - part * above_u * ru
    bb = count - count * count / n - part * ru * ru
    det = aa * bb - ab * ab
    upper = bb * above_y - ab * ry
    middle = aa * ry - ab * above_y
    fine = (det > 1e-12 * n) & (upper * middle >= 0) & (np.abs(middle) <= np.abs(upper)) & (np.abs(upper) > 0)
    if not problem.linear:
        fine &= upper > 0
    share = np.divide(middle, upper, out=np.zeros_like(upper), where=fine)
    gain = np.divide(above_y * upper + ry * middle, det, out=np.zeros_like(det), where=fine)
    at, edge = int(gain.argmax()), int(plain.argmax())
    if gain[at] > plain[edge]:
        room = min(gap for gap in (value[at] - value[at - 1 : at], value[at + 1 : at + 2] - value[at]) if gap.size)
        scale = float(room[0]) / 80
        logit = math.log(max(share[at], 1e-15) / max(1 - share[at], 1e-15))
        centre = float(value[at]) - scale * logit
    elif plain[edge] > 0:
        centre, scale = float(value[edge] + value[edge + 1]) / 2, float(value[edge + 1] - value[edge]) / 80
    else:
        return None
    return centre, scale, _state(problem, centre, scale).gain


def _curve(problem: _Problem, centre: float, scale: float, mean: float, sd: float) -> Curve:
    """The curve in the data's units, with its linear part."""
    z = (problem.u - centre) / scale
    raw = _sigmoid(z)
    column = problem.project(_column(z))
    den = float(column @ column)
    height = float(column @ problem.r) / den if den > 1e-24 * problem.n else 0.0
    slope = 0.0
    rest = problem.y - height * raw
    if problem.linear and problem.suu > 0:
        slope = float(problem.u @ (rest - rest.mean())) / problem.suu
    base = float((rest - slope * problem.u).mean())
    origin = mean + sd * problem.origin
    return Curve(base - slope * origin / sd, slope / sd, height, origin + sd * centre, sd * scale)
