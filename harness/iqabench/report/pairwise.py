"""Is one scorer better than another? Every two of them, with the difference, its interval and p."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from iqabench.errors import UsageError
from iqabench.report.conclusion_sheets import title, value_text
from iqabench.report.conclusions import Conclusions
from iqabench.report.groups import Group
from iqabench.report.opinions import Rated
from iqabench.report.sheet import Entry, Row, Sheet
from iqabench.stats.bootstrap import Bootstrap
from iqabench.stats.correlation import pearson
from iqabench.stats.estimate import TestResult
from iqabench.stats.mapping import FREE_PARAMETERS, MappingName, fit_pairs
from iqabench.stats.pairs import pair
from iqabench.stats.significance import f_test, holm, meng, morgan_pitman, steiger, williams, zou

Floats = NDArray[np.float64]
Test = Literal["bootstrap", "steiger", "williams", "meng", "morgan-pitman", "f"]
TESTS: tuple[Test, ...] = ("bootstrap", "steiger", "williams", "meng", "morgan-pitman", "f")
_OF_CORRELATIONS: dict[str, Callable[[float, float, float, int], TestResult]] = {
    "steiger": steiger,
    "williams": williams,
    "meng": meng,
}
_OF_ERRORS = ("morgan-pitman", "f")
_COLUMNS = ("group", "metric", "mapping", "a", "b", "difference", "low", "high", "n", "statistic", "p", "p_adjusted",
            "test", "reason")  # fmt: skip


def pairwise(found: Conclusions, test: Test = "bootstrap") -> pd.DataFrame:
    """Every two scorers on every metric and group that ``test`` is for, one row a pair.

    ``difference`` is a less b, with its interval (paired bootstrap, or Zou's for correlations); ``p`` is two-sided,
    ``p_adjusted`` by max-T over the bootstrap's pairs, or by Holm. The bootstrap resamples source photos. The other
    tests assume independent images, and work on those that both scorers managed: steiger, williams and meng compare
    PLCC or SRCC (on ranks), morgan-pitman and f compare the residuals behind RMSE. Raises UsageError.
    """
    if test != "bootstrap" and found.rated.contents is not None:
        raise UsageError(
            f"The {test} test needs independent images, but these share source photos.", hint="Use the bootstrap."
        )
    if len(found.rated.scores) < 2:
        raise UsageError("There is one scorer, and so no pair.")
    keys = list(dict.fromkeys(zip(found.table["metric"], found.table["mapping"], strict=True)))
    tables = [
        frame
        for group in found.groups
        for metric, mapping in keys
        if (frame := _pairs(found, group, metric, mapping, test)) is not None
    ]
    if not tables:
        given = ", ".join(dict.fromkeys(metric for metric, _ in keys))
        hint = "It needs resamples." if test == "bootstrap" else "Choose another test, or other metrics."
        raise UsageError(f"The {test} test cannot be had for {given}.", hint=hint)
    return pd.concat(tables, ignore_index=True)


def _pairs(found: Conclusions, group: Group, metric: str, mapping: str, test: Test) -> pd.DataFrame | None:
    scorers = list(found.rated.scores)
    if test == "bootstrap":
        boot = found.resamples.get((metric, mapping, group.label))
        if boot is None:
            return None
        n = found.table[
            (found.table["group"] == group.label)
            & (found.table["metric"] == metric)
            & (found.table["mapping"] == mapping)
        ]["n"].tolist()
        rows = list(_resampled(boot, scorers, found.level, n))
    elif len(group.parts) > 1:
        return None
    elif test in _OF_CORRELATIONS and metric in ("plcc", "srcc") and mapping == "none":
        rows = list(_correlations(found.rated, group.parts[0], metric, test, found.level))
    elif test in _OF_ERRORS and metric == "rmse":
        rows = list(_errors(found.rated, group.parts[0], cast(MappingName, mapping), test))
    else:
        return None
    frame = pd.DataFrame(rows)
    if frame.empty:
        return None
    if test != "bootstrap":
        frame["p_adjusted"] = holm(frame["p"].to_numpy())
    frame = frame.assign(group=group.label, metric=metric, mapping=mapping, test=test)
    return frame[list(_COLUMNS)]


def _resampled(boot: Bootstrap, scorers: Sequence[str], level: float, n: Sequence[int]) -> Iterator[dict[str, object]]:
    p, adjusted = boot.p_values(), boot.max_t_p_values()
    for a, b in combinations(range(len(scorers)), 2):
        interval = boot.difference(a, b, level=level)
        yield {
            "a": scorers[a],
            "b": scorers[b],
            "difference": float(boot.estimate[a] - boot.estimate[b]),
            "low": interval.low,
            "high": interval.high,
            "n": min(n[a], n[b]),
            "statistic": math.nan,
            "p": p[a, b],
            "p_adjusted": adjusted[a, b],
            "reason": interval.reason,
        }


def _correlations(
    rated: Rated, mask: NDArray[np.bool_], metric: str, test: str, level: float
) -> Iterator[dict[str, object]]:
    mos = rated.better_mos()[mask]
    better = _better(rated, mask)
    for a, b in combinations(better, 2):
        both = np.isfinite(better[a]) & np.isfinite(better[b])
        x, y, z = better[a][both], better[b][both], mos[both]
        if metric == "srcc":
            x, y, z = (np.asarray(rankdata(values)) for values in (x, y, z))
        n = int(both.sum())
        r = [pearson(one, other) if n > 1 else math.nan for one, other in ((x, z), (y, z), (x, y))]
        result = _OF_CORRELATIONS[test](r[0], r[1], r[2], n)
        interval = zou(r[0], r[1], r[2], n, level)
        yield {
            "a": a,
            "b": b,
            "difference": r[0] - r[1],
            "low": interval.low,
            "high": interval.high,
            "n": n,
            "statistic": result.statistic,
            "p": result.p,
            "reason": result.reason,
        }


def _errors(rated: Rated, mask: NDArray[np.bool_], mapping: MappingName, test: str) -> Iterator[dict[str, object]]:
    mos = rated.better_mos()[mask]
    residuals = {name: _residuals(scores, mos, mapping) for name, scores in _better(rated, mask).items()}
    free = FREE_PARAMETERS[mapping]
    for a, b in combinations(residuals, 2):
        both = np.isfinite(residuals[a]) & np.isfinite(residuals[b])
        x, y = residuals[a][both], residuals[b][both]
        n = int(both.sum())
        errors = [math.sqrt(float(e @ e) / (n - free)) if n > free else math.nan for e in (x, y)]
        by_f = f_test(max(errors), n, min(errors), n, free1=free, free2=free)
        result = by_f if test == "f" else morgan_pitman(x, y)
        yield {
            "a": a,
            "b": b,
            "difference": errors[0] - errors[1],
            "low": math.nan,
            "high": math.nan,
            "n": n,
            "statistic": result.statistic,
            "p": result.p,
            "reason": result.reason,
        }


def _residuals(scores: Floats, mos: Floats, mapping: MappingName) -> Floats:
    if mapping == "none":
        return scores - mos
    fitted = fit_pairs(mapping, pair(scores, mos))
    out = np.full(scores.shape, math.nan)
    kept = np.isfinite(scores)
    if fitted is not None:
        out[kept] = fitted(scores[kept]) - mos[kept]
    return out


def _better(rated: Rated, mask: NDArray[np.bool_]) -> dict[str, Floats]:
    return {name: (values if rated.higher_is_better[name] else -values)[mask] for name, values in rated.scores.items()}


def pairwise_sheets(table: pd.DataFrame, level: float = 0.95) -> list[Sheet]:
    """A sheet for each metric and group: pairs in the order of their p, significant ones marked."""
    sheets = []
    for (metric, mapping, group), part in table.groupby(["metric", "mapping", "group"], sort=False):
        rows = [
            Row(
                labels=(str(row["a"]), str(row["b"])),
                entries=(
                    Entry(
                        text=_signed(str(metric), row["difference"]),
                        mark="group" if row["p_adjusted"] < 1 - level else "",
                        aside="" if math.isnan(row["low"]) else f"[{row['low']:+.3f}, {row['high']:+.3f}]",
                    ),
                    Entry(text=_p(row["p"])),
                    Entry(text=_p(row["p_adjusted"])),
                    Entry(text=str(int(row["n"]))),
                ),
            )
            for row in part.sort_values("p_adjusted", kind="stable").to_dict("records")
        ]
        test = part["test"].iloc[0]
        adjusted = "max-T" if test == "bootstrap" else "Holm"
        heading = f"{title(str(metric), str(mapping))} on {group}: every two scorers ({test})"
        headings = ("scorer", "less", "difference", "p", f"p, {adjusted}", "n")
        sheets.append(Sheet(title=heading, headings=headings, rows=tuple(rows)))
    return sheets


def _signed(metric: str, value: float) -> str:
    return ("+" if value > 0 else "") + value_text(metric, value)


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.1e}"
