"""Raw votes and the plain MOS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from iqabench.errors import UsageError
from iqabench.stats.pairs import Floats


def as_votes(votes: ArrayLike) -> Floats:
    """Votes as (stimuli, raters) float64, nan where a rater did not vote. Raises UsageError."""
    table = np.asarray(votes, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise UsageError(f"votes must be (stimuli, raters), not {table.shape}.")
    if np.isinf(table).any():
        raise UsageError("a vote is infinite.", hint="Leave a missing vote empty.")
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Mos:
    """``mos``, sample ``sd``, number of ``votes``, ``se`` and half width ``ci`` of the interval, each (stimuli,)."""

    mos: Floats
    sd: Floats
    votes: NDArray[np.intp]
    se: Floats
    ci: Floats
    level: float


def plain_mos(votes: ArrayLike, *, level: float = 0.95) -> Mos:
    """Mean of each stimulus' votes with its Student interval, t(M-1)·s/√M (P.1401 7.4). nan below two votes."""
    table = as_votes(votes)
    count = np.isfinite(table).sum(axis=1)
    mean = nanmean(table, axis=1)
    square = np.nansum((table - mean[:, None]) ** 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(count > 1, np.sqrt(square / (count - 1)), np.nan)
        se = sd / np.sqrt(count)
        ci = special.stdtrit(np.maximum(count - 1, 1), (1 + level) / 2) * se
    return Mos(mos=mean, sd=sd, votes=count, se=se, ci=ci, level=level)


def distribution_moments(counts: ArrayLike, scale: ArrayLike) -> tuple[Floats, Floats]:
    """Mean and sample SD of votes given as counts (stimuli, levels) on ``scale`` (levels,)."""
    c, level = np.asarray(counts, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    n = c.sum(axis=1)
    mean = c @ level / n
    spread = (c * (level - mean[:, None]) ** 2).sum(axis=1) / (n - 1)
    return mean, np.sqrt(spread)


def nanmean(values: Floats, axis: int) -> Floats:
    """Mean of what is there; nan, and no warning, where nothing is."""
    kept = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(kept, values, 0.0).sum(axis=axis) / kept.sum(axis=axis))
