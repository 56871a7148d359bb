"""Climbing from a start to the best logistic curve near it: damped Newton steps over centre and scale."""

from __future__ import annotations

import math

import numpy as np

from iqabench.stats.logistic_problem import EXACT, Problem, State, state_of
from iqabench.stats.pairs import Floats

FARTHEST = 18.0  # scales from the data at which the curve is an exponential to 1e-8
_REACH = 6.0  # scales that a centre moves at most in one step
_DAMPED = 1e-6  # the damping of a first step, and the most with which a step is as good as Newton's own
_LEVEL = 1e-7  # curvature, against that of the column alone, below which a direction is level
_NOTHING = 1e-250
_QUICK = 1e-8  # share of what is left, below which a step that was promised is the last: the next promises its square
WIDEST = 1e3  # scale, in standard deviations, at which the curve is a line to 1e-6
_SAME, _SAME_OF_FEW = 0.9995, 0.999999  # squared correlation above which two climbs are on one hill

Symmetric = tuple[float, float, float]


def descend(
    problem: Problem, start: State, *, bar: float = 0.0, known: State | None = None, tolerance: float = 1e-11
) -> State:
    """Damped Newton steps over (centre, log scale), the linear part projected out (Golub and Pereyra 1973).

    The Hessian is the exact one, second-order part and all, so that noise does not slow the last steps down. A climb
    is given up that promises far too little to come over ``bar`` or leads to a curve already ``known``; it ends where
    a step promises less than ``tolerance`` of what is left.
    """
    u = problem.u
    # With few scores a climb may turn: it is given more time and more hope.
    same, hope, late = (_SAME, 20, 2) if u.size > 4 * EXACT else (_SAME_OF_FEW, 100, 5)
    damping, floor, rounding = _DAMPED, 1e-15 * problem.total, 4e-16 * problem.total
    state = start
    rows = np.empty((5, u.size))
    for turn in range(250):
        if state.gain <= 0:
            break
        if turn and known is not None and state.gain <= known.gain and alike(state, known) > same:
            break
        small = tolerance * (problem.total - state.gain) + floor
        (gc, gs), (hcc, hcs, hss) = _curvature(problem, state, rows)
        before, scale = state, state.scale
        while damping < 1e7:
            a, d = hcc * (1 + damping) + floor / scale**2, hss * (1 + damping) + floor
            det = a * d - hcs * hcs
            by_centre, by_scale = (d * gc - hcs * gs) / det, (a * gs - hcs * gc) / det
            promise = by_centre * gc + by_scale * gs
            if promise <= small or (turn > late and before.gain + hope * promise < bar):
                return state
            by_scale = min(max(by_scale, -2.0), 2.0)
            by_centre = min(max(by_centre, -_REACH * scale), _REACH * scale)
            new_scale = min(max(scale * math.exp(by_scale), 1e-12), WIDEST)
            bound = FARTHEST * new_scale
            new_centre = min(max(state.centre + by_centre, float(u[0]) - bound), float(u[-1]) + bound)
            tried = state_of(problem, new_centre, new_scale)
            if abs(tried.gain - before.gain) <= rounding:
                return state
            if tried.gain > before.gain:
                state = tried
                if promise <= _QUICK * (problem.total - state.gain) and damping <= _DAMPED:
                    return state
                damping = max(damping / 9, 1e-10)
                if turn % 3 == 2:
                    state = _outwards(problem, by_centre, state)
                break
            damping = max(8 * damping, 0.1)
        if state.gain - before.gain <= small:
            break
    return state


def alike(one: State, other: State) -> float:
    """Squared correlation of two curves' projected columns."""
    norm = one.den * other.den
    return float(one.column @ other.column) ** 2 / norm if norm > 0 else 0.0


def _outwards(problem: Problem, step: float, state: State) -> State:
    """A centre on its way out of the data moves a scale a step, for ever: try the exponential it is heading for."""
    lowest, highest, centre, scale = float(problem.u[0]), float(problem.u[-1]), state.centre, state.scale
    far = highest + FARTHEST * scale if step > 0 else lowest - FARTHEST * scale
    outer = highest - 2 * scale < centre if step > 0 else centre < lowest + 2 * scale
    if outer and centre != far:
        tried = state_of(problem, far, scale)
        if tried.gain > state.gain:
            return tried
    return state


def _curvature(problem: Problem, state: State, rows: Floats) -> tuple[tuple[float, float], Symmetric]:
    """Half the gradient of the gain num²/den over (centre, log scale), and less half its Hessian made positive.

    ``rows`` is room for five columns.
    """
    z, half = state.z, state.half
    first, first_z, second, second_z, second_zz = rows
    np.subtract(1, half, out=first)
    np.subtract(half, first, out=second) if state.above else np.subtract(first, half, out=second)
    first *= half  # σ'
    second *= first  # σ''
    np.multiply(first, z, out=first_z)
    np.multiply(second, z, out=second_z)
    np.multiply(second_z, z, out=second_zz)
    (ar, br, cr, dr, er), (aq, bq, cq, dq, eq) = (rows @ problem.r).tolist(), (rows @ state.column).tolist()
    by_c, by_s = problem.project(rows[:2])
    aa, ab, bb = float(by_c @ by_c), float(by_c @ by_s), float(by_s @ by_s)
    k = 1 / state.scale
    # The column σ((u-c)/s): its derivatives by c and log s, each times r (num) and times itself (den / 2).
    nc, ns, ncc, ncs, nss = -k * ar, -br, k * k * cr, k * (dr + ar), er + br
    qc, qs = -k * aq, -bq
    qcc, qcs, qss = k * k * (cq + aa), k * (dq + aq + ab), eq + bq + bb
    height, den = state.num / state.den, state.den

    def second_of(n1: float, n2: float, n12: float, q1: float, q2: float, q12: float) -> float:
        both = (n1 - 2 * height * q1) * (n2 - 2 * height * q2) / den
        return -(both + height * (n12 - height * q12))

    gradient = (height * (nc - height * qc), height * (ns - height * qs))
    hessian = (
        second_of(nc, nc, ncc, qc, qc, qcc),
        second_of(nc, ns, ncs, qc, qs, qcs),
        second_of(ns, ns, nss, qs, qs, qss),
    )
    return gradient, _positive(hessian, height * height * k * k * aa, height * height * bb)


def _positive(h: Symmetric, of_centre: float, of_scale: float) -> Symmetric:
    """``h`` with the absolute values of its eigenvalues, in units of ``of_centre`` and ``of_scale`` (Dauphin et al.
    2014): a saddle is left as fast as a hill is climbed. In those units no eigenvalue is below _LEVEL."""
    if min(of_centre, of_scale) < _NOTHING:
        return max(abs(h[0]), _NOTHING), 0.0, max(abs(h[2]), _NOTHING)
    across = math.sqrt(of_centre) * math.sqrt(of_scale)
    a, b, d = h[0] / of_centre, h[1] / across, h[2] / of_scale
    # √(M²) of a symmetric 2×2 matrix in closed form.
    det = abs(a * d - b * b)
    norm = math.sqrt(a * a + 2 * b * b + d * d + 2 * det) or 1.0
    if not math.isfinite(norm):
        return of_centre, 0.0, of_scale
    a, b, d = (a * a + b * b + det) / norm + _LEVEL, b * (a + d) / norm, (b * b + d * d + det) / norm + _LEVEL
    return a * of_centre, b * across, d * of_scale
