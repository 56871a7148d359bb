"""Strengths from choices between two: Bradley and Terry, Biometrika 39 (1952) 324."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from iqabench.errors import UsageError
from iqabench.stats.pairs import Floats

_ROUNDS, _TOLERANCE = 100, 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """``strength`` (items,) in log-odds, of mean 0, and its standard error ``se``; nan for an item never compared."""

    strength: Floats
    se: Floats


def bradley_terry(wins: ArrayLike, *, prior: float = 0.25) -> Strengths:
    """The strengths under which item i is preferred to j with probability 1 / (1 + exp(s_j − s_i)).

    ``wins`` (items, items) counts how often the row was preferred to the column; a choice of neither is half a win
    for each. ``prior`` is the precision of a normal prior about 0, which keeps an item that always won finite.
    The maximum by Newton's method, errors from the inverse of the Hessian there.
    """
    table = np.asarray(wins, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not np.isfinite(table).all() or (table < 0).any():
        raise UsageError(f"wins must be a square table of counts, not {table.shape}.")
    if prior <= 0:
        raise UsageError(f"prior={prior} must be more than 0.")
    games = table + table.T
    won = table.sum(axis=1)
    strength = np.zeros(len(table))
    hessian = np.eye(len(table))
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        gradient = won - (games * chance).sum(axis=1) - prior * strength
        weight = games * chance * (1 - chance)
        hessian = np.diag(weight.sum(axis=1) + prior) - weight
        step = np.linalg.solve(hessian, gradient)
        strength = strength + step * min(1.0, 2.0 / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        if float(np.abs(step).max(initial=0.0)) < _TOLERANCE:
            break
    compared = games.sum(axis=1) > 0
    centre = np.eye(len(table)) - 1 / len(table)  # only differences mean anything: the common level has no error
    se = np.sqrt(np.diag(centre @ np.linalg.inv(hessian) @ centre))
    strength = centre @ strength
    return Strengths(strength=np.where(compared, strength, np.nan), se=np.where(compared, se, np.nan))
