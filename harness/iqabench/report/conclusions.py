"""From scores and opinions to conclusions: every figure with its n, its interval, its rank and what is undecided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.patterns import nearest
from iqabench.report.ceiling import Ceiling, ceilings
from iqabench.report.figures import METRICS, Figure, Metric, figures
from iqabench.report.groups import Group
from iqabench.report.opinions import Rated
from iqabench.stats.bootstrap import Bootstrap
from iqabench.stats.estimate import Estimate, Interval, missing_interval
from iqabench.stats.intervals import bonett_wright, fisher, kendall, normal_quantile
from iqabench.stats.mapping import MAPPINGS, MappingName
from iqabench.stats.ranking import best_marks, compact_letters, rank_intervals, rank_intervals_from_p
from iqabench.stats.significance import holm_pairs
from iqabench.text import amount

Intervals = Literal["bootstrap", "closed", "none"]
DIGITS = 3
_FEWEST_CONTENTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusions:
    """``table`` has one row a group, metric, mapping and scorer:

    ``by``, ``group``, ``metric``, ``mapping``, ``scorer``, ``value``, ``low``, ``high``, ``interval`` (how it was
    made), ``n`` of ``N``, ``rank`` with ``rank_low`` and ``rank_high``, ``letters`` (two scorers that share one do
    not differ significantly), ``best`` ("best" of all, or of its "group"), ``trained_on`` (the judged photos among
    its training data), ``ceiling`` (the highest PLCC that the votes allow), ``reason`` (why there is no value) and
    ``note``. ``ceilings`` are by group, where the votes' spread is known; ``resamples`` hold the paired resamples by
    (metric, mapping, group).
    """

    rated: Rated
    groups: tuple[Group, ...]
    table: pd.DataFrame
    ceilings: Mapping[str, Ceiling] = field(default_factory=dict)
    resamples: Mapping[tuple[str, str, str], Bootstrap] = field(default_factory=dict)
    level: float = 0.95
    notes: tuple[str, ...] = ()


def conclude(
    rated: Rated,
    grouped: Sequence[Group],
    *,
    metrics: Sequence[str] = ("plcc", "srcc"),
    mappings: Sequence[str] = (),
    intervals: Intervals = "bootstrap",
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Conclusions:
    """All figures of all scorers on all groups.

    ``metrics`` are plcc, srcc, krcc; within (the mean SRCC inside a source photo); rmse, rmse-star, mae, outliers;
    and Krasula's auc-ds, auc-bw, c0. PLCC and the errors come raw, and beside that after each of ``mappings`` (linear,
    logistic4, logistic5, cubic). Intervals are by cluster bootstrap over source photos, or in closed form where images
    are independent; Krasula's from the covariance between source photos, with Holm's correction. Raises UsageError.
    """
    chosen, mapped = _metrics(metrics), _mappings(mappings)
    if not 0 < level < 1:
        raise UsageError(f"level={level:g} is not between 0 and 1.")
    if resamples < 0:
        raise UsageError(f"{resamples} resamples are too few.")
    if intervals == "bootstrap" and not resamples:
        intervals = "none"
    if intervals == "closed" and rated.contents is not None:
        raise UsageError(
            "Intervals in closed form need independent images, but these share source photos.",
            hint="Use the bootstrap.",
        )
    times = resamples if intervals == "bootstrap" else 0
    trained_on = {
        group.label: {scorer: rated.contaminated(scorer, np.any(group.parts, axis=0)) for scorer in rated.scores}
        for group in grouped
    }
    highest = ceilings(rated, grouped, resamples=times, seed=seed, level=level)
    rows: list[dict[str, object]] = []
    boots: dict[tuple[str, str, str], Bootstrap] = {}
    for figure in figures(rated, grouped, chosen, mapped, resamples=times, seed=seed):
        ceiling = highest.get(figure.group.label) if figure.metric == "plcc" else None
        most = ceiling.estimate.value if ceiling else math.nan
        rows += _rows(figure, trained_on[figure.group.label], most, intervals, level)
        if figure.bootstrap is not None:
            boots[figure.metric, figure.mapping, figure.group.label] = figure.bootstrap
    return Conclusions(
        rated=rated,
        groups=tuple(grouped),
        table=pd.DataFrame(rows),
        ceilings=highest,
        resamples=boots,
        level=level,
        notes=_notes(rated, grouped, intervals, times),
    )


def _rows(
    figure: Figure, trained_on: Mapping[str, str], ceiling: float, intervals: Intervals, level: float
) -> list[dict[str, object]]:
    scorers = list(trained_on)
    values = figure.sign * np.array([estimate.value for estimate in figure.estimates])
    order = _Order.of(figure, values, intervals, level)
    groups = [scorer.partition(".")[0] if "." in scorer else "" for scorer in scorers]
    marks = best_marks(values, groups, DIGITS) if np.isfinite(values).sum() > 1 else [""] * len(scorers)
    rivals = {group: sum(other == group for other in groups) for group in groups}
    rows = []
    for at, scorer in enumerate(scorers):
        estimate = figure.estimates[at]
        interval = _interval(figure, at, estimate, intervals, level)
        mark = "" if marks[at] == "group" and rivals[groups[at]] < 2 else marks[at]
        rows.append(
            {
                "by": figure.group.by,
                "group": figure.group.label,
                "metric": figure.metric,
                "mapping": figure.mapping,
                "scorer": scorer,
                "value": estimate.value,
                "low": interval.low,
                "high": interval.high,
                "interval": interval.method,
                "n": estimate.n,
                "N": estimate.total,
                "rank": order.rank[at],
                "rank_low": order.low[at],
                "rank_high": order.high[at],
                "letters": order.letters[at],
                "best": mark,
                "trained_on": trained_on[scorer],
                "ceiling": ceiling,
                "reason": estimate.reason,
                "note": _note(estimate, interval),
            }
        )
    return rows


def _note(estimate: Estimate, interval: Interval) -> str:
    lacking = f"no interval: {interval.reason}" if estimate.exists and interval.reason else ""
    return "; ".join(filter(None, (estimate.note, lacking)))


@dataclass(frozen=True, slots=True)
class _Order:
    """Ranks, their intervals and the letters (scorers,), of ``values`` of which more is better."""

    rank: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    letters: list[str]

    @classmethod
    def of(cls, figure: Figure, values: NDArray[np.float64], intervals: Intervals, level: float) -> _Order:
        rank, low, high = (np.full(values.size, math.nan) for _ in range(3))
        letters = [""] * values.size
        kept = np.flatnonzero(np.isfinite(values))
        if kept.size == 0:
            return cls(rank, low, high, letters)
        p = _p_values(figure, intervals, kept)
        if p is None:
            found = rank_intervals_from_p(values[kept], np.full((kept.size, kept.size), math.nan))
            rank[kept] = [one.rank for one in found]
            return cls(rank, low, high, letters)
        boot = figure.bootstrap
        if boot is not None:
            found = rank_intervals(values[kept], figure.sign * boot.resampled[:, kept], level)
        else:
            found = rank_intervals_from_p(values[kept], p, 1 - level)
        rank[kept] = [one.rank for one in found]
        low[kept] = [one.low for one in found]
        high[kept] = [one.high for one in found]
        if kept.size > 1:
            for at, letter in zip(kept, compact_letters(values[kept], p, 1 - level), strict=True):
                letters[int(at)] = letter
        return cls(rank, low, high, letters)


def _p_values(figure: Figure, intervals: Intervals, kept: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """Adjusted p of every difference between the scorers ``kept`` (kept, kept), or None where there is no test."""
    if figure.joint is not None:
        return holm_pairs(figure.joint.p_values()[np.ix_(kept, kept)])
    if intervals == "closed":
        return None if figure.p is None else holm_pairs(figure.p[np.ix_(kept, kept)])
    boot = figure.bootstrap
    if boot is None or boot.contents < _FEWEST_CONTENTS:
        return None
    part = replace(
        boot,
        estimate=boot.estimate[kept],
        resampled=boot.resampled[:, kept],
        jackknife=boot.jackknife[:, kept],
    )
    return part.max_t_p_values()


def _interval(figure: Figure, at: int, estimate: Estimate, intervals: Intervals, level: float) -> Interval:
    if figure.joint is not None and estimate.exists and intervals != "none":
        half = normal_quantile(level) * math.sqrt(max(0.0, figure.joint.covariance[at, at]))
        low, high = max(0.0, estimate.value - half), min(1.0, estimate.value + half)
        return Interval(low=low, high=high, level=level, method="contents-jackknife")
    if intervals == "bootstrap" and figure.bootstrap is not None and estimate.exists:
        return figure.bootstrap.interval(at, level=level)
    closed = {"plcc": fisher, "srcc": bonett_wright, "krcc": kendall}
    if intervals == "closed" and figure.metric in closed and len(figure.group.parts) == 1:
        return closed[figure.metric](estimate.value, estimate.n, level)
    return missing_interval(level, "", "")


def _metrics(names: Sequence[str]) -> list[Metric]:
    for name in names:
        if name not in METRICS:
            raise UsageError(f"{name!r} is no metric.", hint=nearest(name, METRICS) or f"Say {', '.join(METRICS)}.")
    return [metric for name in dict.fromkeys(names) for metric in METRICS if metric == name]


def _mappings(names: Sequence[str]) -> list[MappingName]:
    known = [mapping for mapping in MAPPINGS if mapping != "none"]
    for name in names:
        if name not in MAPPINGS:
            raise UsageError(f"{name!r} is no mapping.", hint=nearest(name, known) or f"Say {', '.join(known)}.")
    return [mapping for name in dict.fromkeys(names) for mapping in known if mapping == name]


def _notes(rated: Rated, grouped: Sequence[Group], intervals: Intervals, resamples: int) -> tuple[str, ...]:
    """What a reader must know of all figures together."""
    notes = []
    if intervals == "bootstrap":
        unit = "images" if rated.contents is None else amount(len(set(rated.contents)), "source photo")
        resampled = amount(resamples, "bootstrap resample")
        notes.append(
            f"Intervals, ranks and letters: {resampled} of {unit}, the same for all scorers. "
            "Scorers that share a letter do not differ significantly (max-T over all pairs)."
        )
    elif intervals == "closed":
        notes.append(
            "Intervals: Fisher's z for PLCC, Bonett-Wright for SRCC, Fieller for KRCC. Letters: Steiger's test, Holm."
        )
    if any(len(group.parts) > 1 for group in grouped):
        parts = "scenes" if any(judged.within for judged in rated.judged.values()) else "datasets"
        notes.append(f"Where {parts} come together, the figure is the mean of their correlations through Fisher's z.")
    if rated.left_out:
        without = ("image has no opinion score and is", "images have no opinion score and are")
        notes.append(f"{amount(rated.left_out, *without)} not counted.")
    return tuple(notes)
