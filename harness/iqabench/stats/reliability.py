"""How far raters agree, and so how well any scorer could do.

These are a few lines each, and so are not worth a dependency; the tests hold them against pingouin,
krippendorff and published examples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iqabench.errors import UsageError
from iqabench.stats.correlation import plcc
from iqabench.stats.estimate import Estimate
from iqabench.stats.pairs import Floats
from iqabench.stats.votes import as_votes, nanmean

Measurement = Literal["nominal", "ordinal", "interval", "ratio"]


def inter_rater_plcc(votes: ArrayLike) -> Floats:
    """PLCC between every two raters (raters, raters), on the stimuli both judged."""
    table = as_votes(votes)
    raters = table.shape[1]
    out = np.eye(raters)
    for a in range(raters):
        for b in range(a + 1, raters):
            out[a, b] = out[b, a] = plcc(table[:, a], table[:, b]).value
    return out


def mean_off_diagonal(matrix: ArrayLike) -> float:
    """Mean correlation of all pairs of raters."""
    r = np.asarray(matrix, dtype=np.float64)
    return float(np.nanmean(r[np.triu_indices(r.shape[0], k=1)]))


def spearman_brown(r: float, k: float) -> float:
    """Reliability of the mean of ``k`` raters whose mean correlation is ``r``: kr/(1+(k-1)r)."""
    return k * r / (1 + (k - 1) * r)


def noise_ceiling(r: float, k: float) -> float:
    """The highest PLCC that a scorer of the true qualities can reach with the mean of ``k`` raters.

    √reliability (Spearman 1904), where ``r`` is the raters' mean correlation.
    """
    reliability = spearman_brown(r, k)
    return math.sqrt(reliability) if reliability >= 0 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Icc:
    """Intraclass correlations of Shrout and Fleiss (1979): one rater's and the mean of all ``k``.

    ``one_way`` is ICC(1,·), ``agreement`` ICC(2,·), ``consistency`` ICC(3,·); each (single, average).
    """

    one_way: tuple[float, float]
    agreement: tuple[float, float]
    consistency: tuple[float, float]
    n: int
    k: int


def icc(votes: ArrayLike) -> Icc:
    """Intraclass correlations of complete votes (stimuli, raters); stimuli with a missing vote are left out."""
    table = as_votes(votes)
    table = table[np.isfinite(table).all(axis=1)]
    n, k = table.shape
    if n < 2 or k < 2:
        raise UsageError("ICC needs two stimuli and two raters without missing votes.")
    grand = table.mean()
    rows = k * float(((table.mean(axis=1) - grand) ** 2).sum())
    columns = n * float(((table.mean(axis=0) - grand) ** 2).sum())
    total = float(((table - grand) ** 2).sum())
    between = rows / (n - 1)
    within = (total - rows) / (n * (k - 1))
    judges = columns / (k - 1)
    error = (total - rows - columns) / ((n - 1) * (k - 1))

    def ratio(num: float, single: float, average: float) -> tuple[float, float]:
        return (num / single if single else math.nan, num / average if average else math.nan)

    return Icc(
        one_way=ratio(between - within, between + (k - 1) * within, between),
        agreement=ratio(
            between - error,
            between + (k - 1) * error + k * (judges - error) / n,
            between + (judges - error) / n,
        ),
        consistency=ratio(between - error, between + (k - 1) * error, between),
        n=n,
        k=k,
    )


def krippendorff_alpha(votes: ArrayLike, measurement: Measurement = "ordinal") -> Estimate:
    """Krippendorff's alpha of votes (stimuli, raters); missing votes are allowed (Krippendorff 2011).

    ``n`` counts the votes on stimuli with at least two, of ``total`` votes.
    """
    table = as_votes(votes)
    present = np.isfinite(table)
    cast = int(present.sum())
    usable = present.sum(axis=1) > 1
    table, present = table[usable], present[usable]
    n = int(present.sum())
    if n == 0:
        return Estimate(value=math.nan, n=0, total=cast, reason="no stimulus has two votes")
    levels, codes = np.unique(table[present], return_inverse=True)
    counts = np.zeros((table.shape[0], levels.size))
    np.add.at(counts, (np.nonzero(present)[0], codes), 1.0)
    pairable = counts.sum(axis=1, keepdims=True) - 1
    coincidence = (counts / pairable).T @ counts - np.diag((counts / pairable).sum(axis=0))
    totals = counts.sum(axis=0)
    difference = _squared_difference(levels, totals, measurement)
    observed = float((coincidence * difference).sum())
    expected = float((np.outer(totals, totals) * difference).sum()) / (n - 1)
    if expected == 0:
        return Estimate(value=math.nan, n=n, total=cast, reason="all votes are the same")
    return Estimate(value=1 - observed / expected, n=n, total=cast)


def _squared_difference(levels: Floats, totals: Floats, measurement: Measurement) -> Floats:
    if measurement == "nominal":
        return np.asarray(levels[:, None] != levels, dtype=np.float64)
    if measurement == "interval":
        return np.square(levels[:, None] - levels)
    if measurement == "ratio":
        total = levels[:, None] + levels
        share: Floats = np.divide(levels[:, None] - levels, total, out=np.zeros_like(total), where=total != 0)
        return np.square(share)
    upto = np.cumsum(totals) - totals / 2
    return np.square(upto[:, None] - upto)


def sos_parameter(votes: ArrayLike, low: float, high: float) -> float:
    """Hoßfeld's SOS parameter a: variance = a·(MOS-low)(high-MOS) (QoMEX 2011), by least squares."""
    table = as_votes(votes)
    mean = nanmean(table, axis=1)
    variance = nanmean((table - mean[:, None]) ** 2, axis=1)
    most = (mean - low) * (high - mean)
    kept = np.isfinite(most) & np.isfinite(variance)
    norm = float((most[kept] ** 2).sum())
    return float((most[kept] * variance[kept]).sum()) / norm if norm > 0 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A vote, or two, to look at again: ``stimulus`` and ``raters`` are indices."""

    stimulus: int
    raters: tuple[int, ...]
    votes: tuple[float, ...]
    distance: float


def discrepancies(votes: ArrayLike, *, at_least: float = 3.0) -> list[Discrepancy]:
    """Stimuli to label again: those whose highest and lowest vote lie ``at_least`` apart, widest first.

    The raters listed are those who cast the vote farther from the mean of the others (both, where equal).
    """
    table = as_votes(votes)
    found = []
    for stimulus, row in enumerate(table):
        raters = np.flatnonzero(np.isfinite(row))
        if raters.size < 2:
            continue
        cast = row[raters]
        spread = float(np.ptp(cast))
        if spread >= at_least:
            away = np.abs(cast - (cast.sum() - cast) / (cast.size - 1))
            odd: NDArray[np.intp] = np.flatnonzero(away >= away.max() - 1e-12)
            found.append(
                Discrepancy(
                    stimulus=stimulus,
                    raters=tuple(raters[odd].tolist()),
                    votes=tuple(cast[odd].tolist()),
                    distance=spread,
                )
            )
    return sorted(found, key=lambda d: (-d.distance, d.stimulus))
