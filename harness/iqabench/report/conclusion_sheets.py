"""Conclusions as sheets: one a metric, scorers down and groups across, and nothing without its n."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from iqabench.report.conclusions import DIGITS, Conclusions
from iqabench.report.render import format_number
from iqabench.report.residuals import ERRORS
from iqabench.report.sheet import Entry, Row, Sheet

TITLES = {
    "plcc": "PLCC",
    "srcc": "SRCC",
    "krcc": "KRCC (tau-b)",
    "rmse": "RMSE",
    "within": "SRCC inside each source photo, mean",
    "rmse-star": "RMSE* (beyond each opinion's 95 % interval)",
    "mae": "MAE",
    "outliers": "Outlier ratio (errors beyond the opinion's 95 % interval)",
    "auc-ds": "AUC_DS (tells pairs that differ from pairs that do not)",
    "auc-bw": "AUC_BW (tells which of a pair is better)",
    "c0": "C0 (share of differing pairs put in the right order)",
}
_SCALED = ("plcc", *ERRORS)
_MAPPED = {
    "none": "",
    "linear": " after a rising line",
    "logistic4": " after the 4-parameter logistic",
    "logistic5": " after the 5-parameter logistic",
    "cubic": " after the monotone cubic",
}
_MOST_NOTES = 8


def conclusion_sheets(found: Conclusions) -> list[Sheet]:
    """A sheet for each metric and mapping.

    A cell reads: value, letters, #rank interval; below it the interval and n/N. A dagger marks a scorer that was
    trained on photos it judges here.
    """
    table = found.table
    legends = [*found.notes, *_daggers(table)]
    keys = list(dict.fromkeys(zip(table["metric"], table["mapping"], strict=True)))
    sheets = []
    for at, (metric, mapping) in enumerate(keys):
        part = table[(table["metric"] == metric) & (table["mapping"] == mapping)]
        notes = (*_remarks(part), *(legends if at == len(keys) - 1 else ()))
        sheets.append(_sheet(part, title(metric, mapping, raw_too=len(keys) > 1), notes))
    return sheets


def title(metric: str, mapping: str, *, raw_too: bool = True) -> str:
    """A metric's name as a title; raw PLCC and RMSE say so."""
    raw = ", raw" if metric in _SCALED and mapping == "none" and raw_too else ""
    return f"{TITLES[metric]}{raw}{_MAPPED[mapping]}"


def value_text(metric: str, value: float) -> str:
    """A figure as tables print it."""
    if math.isnan(value):
        return "-"
    return format_number(value) if metric in ("rmse", "rmse-star", "mae") else f"{value:.{DIGITS}f}"


def _sheet(part: pd.DataFrame, heading: str, notes: tuple[str, ...]) -> Sheet:
    labels = list(dict.fromkeys(part["group"]))
    cells: dict[tuple[str, str], Mapping[Hashable, Any]] = {
        (str(row["scorer"]), str(row["group"])): row for row in part.to_dict("records")
    }
    scorers = in_groups(list(dict.fromkeys(part["scorer"])))
    rows = []
    previous = ""
    for scorer in scorers:
        group = scorer.partition(".")[0]
        dagger = " †" if any(cells[scorer, label]["trained_on"] for label in labels) else ""
        rows.append(
            Row(
                labels=(scorer + dagger,),
                entries=tuple(figure_entry(cells[scorer, label]) for label in labels),
                section="." in scorer and group != previous,
            )
        )
        previous = group
    return Sheet(title=heading, headings=("scorer", *labels), rows=tuple(rows), notes=notes)


def in_groups(scorers: list[str]) -> list[str]:
    """Scorers of one group side by side, groups in the order of their first."""
    groups = list(dict.fromkeys(scorer.partition(".")[0] for scorer in scorers))
    return sorted(scorers, key=lambda scorer: groups.index(scorer.partition(".")[0]))


def figure_entry(row: Mapping[Hashable, Any]) -> Entry:
    """One row of a conclusions' table as a cell."""
    n, total = int(row["n"]), int(row["N"])
    spread = ""
    if not math.isnan(row["low"]):
        spread = f"[{value_text(row['metric'], row['low'])}, {value_text(row['metric'], row['high'])}]"
    ranks = ""
    if not math.isnan(row["rank_low"]):
        low, high = int(row["rank_low"]), int(row["rank_high"])
        ranks = f"#{low}" if low == high else f"#{low}-{high}"
    return Entry(
        text=value_text(row["metric"], row["value"]),
        aside=" ".join(filter(None, (row["letters"], ranks))),
        below=" ".join(filter(None, (spread, f"{n}/{total}"))),
        mark=row["best"],
        alarm=n < total,
    )


def _remarks(part: pd.DataFrame) -> Iterator[str]:
    """Why a figure is missing, and what is to be said of one that is there."""
    missing = part[part["reason"] != ""]
    counted = Counter(zip(missing["scorer"], missing["reason"], strict=True))
    for (scorer, reason), _ in counted.most_common(_MOST_NOTES):
        where = missing[(missing["scorer"] == scorer) & (missing["reason"] == reason)]["group"]
        yield f"No figure for {scorer} on {', '.join(where)}: {reason}."
    if len(counted) > _MOST_NOTES:
        yield f"And {len(counted) - _MOST_NOTES} more without a figure: --format csv says why."
    noted = part[(part["note"] != "") & (part["reason"] == "")]
    for note, rows in noted.groupby("note", sort=False):
        named = ", ".join(f"{scorer} on {group}" for scorer, group in zip(rows["scorer"], rows["group"], strict=True))
        yield f"{note}: {named if len(rows) <= 3 else f'{len(rows)} figures'}."


def _daggers(table: pd.DataFrame) -> Iterator[str]:
    for scorer, photos in dict(zip(table["scorer"], table["trained_on"], strict=True)).items():
        if photos:
            yield f"† {scorer} was trained on photos that it judges here: {photos}."
