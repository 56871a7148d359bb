"""The reduced problem of fitting a logistic curve: what a centre and a scale take off the sum of squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iqabench.stats.pairs import Floats

EXACT = 160
"""Up to so many distinct scores the search runs on all of them, not on bins."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Sorted data. ``r`` is y less what the linear part (1, and u with ``linear``) explains; ``w`` are counts.

    ``basis`` is that linear part, orthonormal under ``w``; ``weighted`` is it times ``w``; ``along`` is y's part
    along u.
    """

    u: Floats
    y: Floats
    r: Floats
    w: Floats | None
    linear: bool
    n: float
    suu: float
    origin: float
    total: float
    basis: Floats
    weighted: Floats
    along: float

    @classmethod
    def of(cls, u: Floats, y: Floats, linear: bool, w: Floats | None = None) -> Problem:
        n = float(u.size if w is None else w.sum())
        origin = float(u.mean() if w is None else (w * u).sum() / n)
        v = u - origin
        weight = v if w is None else v * w
        suu = float(weight @ v)
        r = y - float(y.mean() if w is None else (w * y).sum() / n)
        if linear and suu > 0:
            r = r - float(weight @ r) / suu * v
        basis = np.full((2 if linear and suu > 0 else 1, u.size), 1 / math.sqrt(n))
        if basis.shape[0] > 1:
            basis[1] = v / math.sqrt(suu)
        weighted = basis if w is None else basis * w
        along = float(weighted[-1] @ y) if linear else 0.0
        return cls(v, y, r, w, linear, n, suu, origin, float((r if w is None else r * w) @ r), basis, weighted, along)

    def project(self, columns: Floats) -> Floats:
        """``columns`` (..., m) less their part along 1, and along u where there is a linear term."""
        parts = columns @ self.weighted.T
        out: Floats = columns - parts[..., :1] * self.basis[0, 0]  # the first of the basis is a constant
        if self.basis.shape[0] > 1:
            out -= parts[..., 1:] * self.basis[1]
        return out

    def gains(self, centres: Floats, scales: Floats) -> Floats:
        """What each (centre, scale) takes off the sum of squares (g,)."""
        return self.gains_of(column_of((self.u - centres[:, None]) / scales[:, None]))

    def gains_of(self, raw: Floats) -> Floats:
        """The same for columns (..., m) that are there already."""
        columns = self.project(raw)
        weighted = columns if self.w is None else columns * self.w
        num = weighted @ self.r
        den = np.einsum("...m,...m->...", weighted, columns)
        gain = self.gain(num, den)
        if self.basis.shape[0] > 1:
            gain[self.along * den < num * (raw @ self.weighted[1])] = 0.0
        return gain

    def gain(self, num: Floats, den: Floats) -> Floats:
        gain: Floats = np.divide(num * num, den, out=np.zeros_like(num), where=(den > 1e-24 * self.n) & (num > 0))
        return gain


def sigmoid(z: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-z))


def column_of(z: Floats) -> Floats:
    """σ(z), or σ(z)-1 where the curve is nearly all above its centre: equal but for a constant, with digits kept."""
    sign = np.where(z[..., :1] + z[..., -1:] > 0, -1.0, 1.0)
    return sign * sigmoid(sign * z)


@dataclass(frozen=True, slots=True)
class State:
    """One curve of the search: σ or 1-σ (``above``) of ``z``, the projected column, its products with itself and r,
    and what it takes off the sum of squares."""

    centre: float
    scale: float
    z: Floats
    above: bool
    half: Floats
    column: Floats
    num: float
    den: float
    gain: float


def state_of(problem: Problem, centre: float, scale: float) -> State:
    z = problem.u - centre
    z *= 1 / scale
    above = bool(z[0] + z[-1] > 0)
    half = np.exp(z if above else -z)
    half += 1
    np.divide(1, half, out=half)
    raw = -half if above else half
    # As ``project`` does, in fewer steps.
    parts = (problem.weighted @ raw).tolist()
    column = raw - parts[0] * float(problem.basis[0, 0])
    if len(parts) > 1:
        column -= parts[1] * problem.basis[1]
    num, den = float(column @ problem.r), float(column @ column)
    exists = den > 1e-24 * problem.n and num > 0
    if exists and len(parts) > 1:
        exists = problem.along * den >= num * parts[1]
    return State(centre, scale, z, above, half, column, num, den, num * num / den if exists else 0.0)
