"""Scores and opinions made ready: finite, oriented, near-ties merged, or a reason why nothing can be said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iqabench.errors import UsageError

Floats = NDArray[np.float64]

DOUBLE_TOLERANCE = 1e-12
SINGLE_TOLERANCE = 2.4e-7  # two units in the last place of float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """``scores`` and ``mos`` (n,), finite, both oriented so that higher is better.

    ``kept`` (total,) marks the items used. ``reason`` is not empty where no correlation exists.
    """

    scores: Floats
    mos: Floats
    kept: NDArray[np.bool_]
    reason: str = ""

    @property
    def n(self) -> int:
        return self.scores.size

    @property
    def total(self) -> int:
        return self.kept.size


def pair(
    scores: ArrayLike,
    mos: ArrayLike,
    *,
    higher_is_better: bool = True,
    mos_higher_is_better: bool = True,
    tie_tolerance: float | None = None,
    minimum: int = 3,
) -> Pairs:
    """Pairs of the items where both are finite.

    ``scores`` and ``mos`` are (n,); a declared lower-is-better side is negated, so that a positive correlation
    always means agreement. ``minimum`` is the smallest n for which the caller's statistic means anything.
    Raises UsageError where the shapes differ.
    """
    given = np.asarray(scores)
    x, y = as_vector(given, "scores"), as_vector(mos, "mos")
    if x.shape != y.shape:
        raise UsageError(f"{x.size} scores but {y.size} opinions.", hint="Give one opinion an image.")
    kept = np.isfinite(x) & np.isfinite(y)
    if tie_tolerance is None:
        tie_tolerance = SINGLE_TOLERANCE if given.dtype == np.float32 else DOUBLE_TOLERANCE
    x = merge_near_ties(x[kept], tie_tolerance) * (1.0 if higher_is_better else -1.0)
    y = merge_near_ties(y[kept], DOUBLE_TOLERANCE) * (1.0 if mos_higher_is_better else -1.0)
    reason = ""
    if x.size < minimum:
        reason = f"n={x.size}: at least {minimum} are needed"
    elif is_constant(x):
        reason = "the scores are constant"
    elif is_constant(y):
        reason = "the opinions are constant"
    return Pairs(scores=x, mos=y, kept=kept, reason=reason)


def as_vector(values: ArrayLike, name: str) -> Floats:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise UsageError(f"{name} must be one-dimensional, not {vector.ndim}-dimensional.")
    return vector


def is_constant(values: Floats) -> bool:
    return values.size == 0 or bool(np.ptp(values) <= DOUBLE_TOLERANCE * np.abs(values).max())


def merge_near_ties(values: Floats, tolerance: float) -> Floats:
    """``values`` with those that differ only by rounding made equal.

    Softmax of half-precision logits by two equal formulas differs in the last bit, which breaks ties and moves
    SRCC by up to 0.003. Neighbours in sorted order closer than ``tolerance`` times their size are linked, and a
    chain of links takes its lowest value. A chain wider than eight tolerances is no tie but a dense scale,
    and stays as it is.
    """
    if values.size == 0 or tolerance <= 0:
        return values
    ordered = np.unique(values)
    size = np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
    linked = np.diff(ordered) <= tolerance * size
    if not linked.any():
        return values
    chain = np.concatenate([[0], np.cumsum(~linked)])
    first = np.searchsorted(chain, np.arange(chain[-1] + 1))
    last = np.append(first[1:], ordered.size) - 1
    width = ordered[last] - ordered[first]
    tied = width <= 8 * tolerance * np.maximum(np.abs(ordered[first]), np.abs(ordered[last]))
    merged = np.where(tied[chain], ordered[first][chain], ordered)
    return merged[np.searchsorted(ordered, values)]
