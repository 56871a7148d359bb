"""The monotone cubic of ITU-T P.1401 7.3.2, solved exactly.

A quadratic that is nowhere negative on [-1, 1] lies inside the cone of such quadratics or on its boundary:
(1+u)·(a rising or falling line), (1-u)·(the same), or k·(u-t)² with t inside. So the best cubic with a
non-negative slope is the free one if that rises, and otherwise the best of three faces, each solved in closed
form on the 4×4 triangle of a QR decomposition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial

from iqabench.stats.pairs import Floats


@dataclass(frozen=True, slots=True)
class Cubic:
    """``Σ coefficients[k]·u^k`` with u = (x - middle)/half, which runs over [-1, 1] on the fitted scores.

    Beyond them it goes on as a straight line, so that it rises everywhere.
    """

    coefficients: tuple[float, float, float, float]
    middle: float
    half: float

    def __call__(self, x: Floats) -> Floats:
        u = (x - self.middle) / self.half
        inside = np.clip(u, -1.0, 1.0)
        slope = polynomial.polyval(inside, polynomial.polyder(self.coefficients))
        value: Floats = polynomial.polyval(inside, self.coefficients) + slope * (u - inside)
        return value

    def powers(self) -> tuple[float, float, float, float]:
        """a, b, c, d of a + bx + cx² + dx³."""
        line = polynomial.Polynomial([-self.middle / self.half, 1 / self.half])
        a, b, c, d = np.pad(polynomial.Polynomial(self.coefficients)(line).coef, (0, 4))[:4].tolist()
        return a, b, c, d


def fit_cubic(x: Floats, y: Floats) -> Cubic:
    """The least-squares cubic through (x, y), both (n,), that never falls between the lowest and highest x."""
    low, high = float(x.min()), float(x.max())
    middle, half = (low + high) / 2, (high - low) / 2
    if half <= 0:
        return Cubic((float(y.mean()), 0.0, 0.0, 0.0), middle, 1.0)
    u = (x - middle) / half
    centre = float(y.mean())
    design = np.stack([np.ones_like(u), u, u * u, u * u * u], axis=1)
    q, triangle = np.linalg.qr(design)
    target = q.T @ (y - centre)
    # The constant is free: the first row of the triangle fits it exactly, the others decide the slope.
    shape, goal = triangle[1:, 1:], target[1:]
    free = np.linalg.lstsq(shape, goal, rcond=1e-13)[0]
    candidates = [free] if _rises(free) else _faces(shape, goal)
    b, c, d = min(candidates, key=lambda k: float(((shape @ k - goal) ** 2).sum())).tolist()
    a = centre + (target[0] - float(triangle[0, 1:] @ (b, c, d))) / triangle[0, 0]
    return Cubic((float(a), b, c, d), middle, half)


def _rises(k: Floats) -> bool:
    slope = np.array([k[0], 2 * k[1], 3 * k[2]])
    at = [-1.0, 1.0]
    if k[2] != 0 and abs(k[1]) < 3 * abs(k[2]):
        at.append(-float(k[1]) / (3 * float(k[2])))
    return min(float(polynomial.polyval(u, slope)) for u in at) >= 0


def _integral(slope: Floats) -> Floats:
    """Coefficients of u, u², u³ from those of the slope."""
    integral: Floats = slope / np.array([1.0, 2.0, 3.0])
    return integral


def _faces(shape: Floats, goal: Floats) -> list[Floats]:
    rising, falling, both = np.array([1.0, 2.0, 1.0]), np.array([1.0, -2.0, 1.0]), np.array([1.0, 0.0, -1.0])
    found = [np.zeros(3)]
    for square in (rising, falling):
        found += _non_negative(shape, goal, _integral(square), _integral(both))
    # k·(u-t)²: its gain (v·goal)²/(v·v) is a ratio of polynomials in t; look where its derivative vanishes.
    parts = shape @ np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1 / 3, 0.0, 0.0]])
    along = goal @ parts
    norm = np.zeros(5)
    for i in range(3):
        for j in range(3):
            norm[i + j] += parts[:, i] @ parts[:, j]
    stationary = polynomial.polysub(
        2 * polynomial.polymul(polynomial.polyder(along), norm), polynomial.polymul(along, polynomial.polyder(norm))
    )
    roots = polynomial.polyroots(np.trim_zeros(stationary, "b")) if np.any(stationary) else np.zeros(0)
    for t in roots[np.abs(roots.imag) < 1e-7].real:
        if abs(t) <= 1:
            found += _non_negative(shape, goal, _integral(np.array([t * t, -2 * t, 1.0])))
    return found


def _non_negative(shape: Floats, goal: Floats, *generators: Floats) -> list[Floats]:
    """Least-squares combinations of the generators, alone and together, that have no negative weight."""
    found = []
    sets = [[g] for g in generators] + ([list(generators)] if len(generators) > 1 else [])
    for chosen in sets:
        basis = np.stack(chosen, axis=1)
        weights = np.linalg.lstsq(shape @ basis, goal, rcond=1e-13)[0]
        if weights.min() >= 0:
            found.append(basis @ weights)
    return found
