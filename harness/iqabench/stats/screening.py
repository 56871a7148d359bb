"""Finding raters whose votes should not count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from iqabench.stats.correlation import plcc, srcc
from iqabench.stats.pairs import Floats
from iqabench.stats.votes import as_votes, nanmean
from iqabench.text import amount

Unanimous = Literal["skip", "count"]
_SMALL_PANEL = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """``rejected`` raters (indices), and for each rater the share of votes above (``high``) and below (``low``)
    the bounds. ``notice`` is not empty where the outcome says nothing, and should be printed with it."""

    rejected: tuple[int, ...]
    high: Floats
    low: Floats
    notice: str = ""


def bt500(votes: ArrayLike, *, ddof: int = 1, unanimous: Unanimous = "skip") -> Screening:
    """ITU-R BT.500 kurtosis screening of votes (stimuli, raters).

    A vote is high or low where it lies 2 SD (√20 SD where the stimulus' kurtosis is outside 2..4) or more from
    the mean. A rater with (high+low)/votes > 0.05 and |high-low|/(high+low) < 0.3 is rejected.

    The Recommendation leaves two things open. ``ddof``: 1, the sample SD of its formula, or 0. ``unanimous``:
    stimuli on which all agree have no SD and are skipped, or "count" as high and low for everyone, which is
    what the comparison does in code that does not look. SUREAL is ``ddof=0, unanimous="count"``.
    """
    table = as_votes(votes)
    present = np.isfinite(table)
    count = present.sum(axis=1)
    away = table - nanmean(table, axis=1)[:, None]
    squares, fourths = (np.nansum(away**power, axis=1) for power in (2, 4))
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(squares / np.maximum(count - ddof, 0))
        kurtosis = (fourths / count) / (squares / count) ** 2
    bound = np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, math.sqrt(20.0)) * sd
    judged = (squares > 0) if unanimous == "skip" else np.ones(count.size, dtype=bool)
    judged = (judged & (count > max(1, ddof)))[:, None] & present
    # Equality is decided by the same expression on both sides: a vote at the bound is outside it.
    is_high = judged & (table >= nanmean(table, axis=1)[:, None] + bound[:, None])
    is_low = judged & (table <= nanmean(table, axis=1)[:, None] - bound[:, None])
    high, low, voted = is_high.sum(axis=0), is_low.sum(axis=0), present.sum(axis=0)
    outside = high + low
    with np.errstate(invalid="ignore", divide="ignore"):
        rejected = (outside / voted > 0.05) & (np.abs(high - low) / outside < 0.3)
        shares = high / voted, low / voted
    return Screening(
        rejected=tuple(np.flatnonzero(rejected).tolist()),
        high=shares[0],
        low=shares[1],
        notice=_notice(int(count.max()), ddof),
    )


def sureal_bt500(votes: ArrayLike) -> Screening:
    """``bt500`` with the two choices of the SUREAL package."""
    return bt500(votes, ddof=0, unanimous="count")


def _notice(raters: int, ddof: int) -> str:
    """The largest |u-ū|/S among n votes is (n-1)/√n with the sample SD, √(n-1) with the population's."""
    most = (raters - 1) / math.sqrt(raters) if ddof == 1 else math.sqrt(max(0, raters - 1))
    if most < 2:
        return (
            f"With {amount(raters, 'rater')} no vote can lie 2 SD from the mean (at most {most:.3f}): "
            "this screening cannot reject anybody."
        )
    if raters < _SMALL_PANEL:
        return (
            f"With {raters} raters a vote lies at most {most:.3f} SD from the mean: "
            "this screening sees little more than lone dissent."
        )
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterAgreement:
    """For each rater: ``plcc`` and ``srcc`` with the mean of the others, ``bias`` from it, number of ``votes``,
    and ``levels``, how many different votes were cast (1: a straight line). All (raters,)."""

    plcc: Floats
    srcc: Floats
    bias: Floats
    votes: Floats
    levels: Floats


def against_the_others(votes: ArrayLike) -> RaterAgreement:
    """Each rater against the mean of the others, the check that works with few raters, as in P.913."""
    table = as_votes(votes)
    raters = table.shape[1]
    rows = []
    for rater in range(raters):
        own, others = table[:, rater], nanmean(np.delete(table, rater, axis=1), axis=1)
        both = np.isfinite(own) & np.isfinite(others)
        rows.append(
            (
                plcc(own, others).value,
                srcc(own, others).value,
                float((own - others)[both].mean()) if both.any() else math.nan,
                float(np.isfinite(own).sum()),
                float(np.unique(own[np.isfinite(own)]).size),
            )
        )
    columns = np.array(rows).T
    return RaterAgreement(plcc=columns[0], srcc=columns[1], bias=columns[2], votes=columns[3], levels=columns[4])
