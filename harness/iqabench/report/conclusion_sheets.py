"""Conclusions as sheets: one a metric, scorers down and groups across, and nothing without its n."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from iqabench.report.ceiling import Ceiling
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
CEILING = "noise ceiling"


def conclusion_sheets(found: Conclusions) -> list[Sheet]:
    """A sheet for each metric and mapping.

    A cell reads: value, letters, #rank interval; below it the interval and n/N. A dagger marks a scorer that was
    trained on photos it judges here, or single cells where that holds of some groups only. The last row of a table of
    PLCC is the noise ceiling, where the votes' spread is known.
    """
    table = found.table
    legends = [*found.notes, *daggers(table)]
    keys = list(dict.fromkeys(zip(table["metric"], table["mapping"], strict=True)))
    sheets = []
    for at, (metric, mapping) in enumerate(keys):
        part = table[(table["metric"] == metric) & (table["mapping"] == mapping)]
        notes = (*remarks(part), *(legends if at == len(keys) - 1 else ()))
        ceilings = found.ceilings if metric == "plcc" else {}
        sheets.append(_sheet(part, title(metric, mapping, raw_too=len(keys) > 1), notes, ceilings))
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


def _sheet(part: pd.DataFrame, heading: str, notes: tuple[str, ...], ceilings: Mapping[str, Ceiling]) -> Sheet:
    labels = list(dict.fromkeys(part["group"]))
    cells: dict[tuple[str, str], Mapping[Hashable, Any]] = {
        (str(row["scorer"]), str(row["group"])): row for row in part.to_dict("records")
    }
    scorers = in_groups(list(dict.fromkeys(part["scorer"])))
    rows = []
    previous = ""
    for scorer in scorers:
        group = scorer.partition(".")[0]
        marked = [bool(cells[scorer, label]["trained_on"]) for label in labels]
        entries = [figure_entry(cells[scorer, label]) for label in labels]
        rows.append(
            Row(
                labels=(scorer + (" †" if any(marked) else ""),),
                entries=tuple(map(dagger, entries, marked)) if any(marked) and not all(marked) else tuple(entries),
                section="." in scorer and group != previous,
            )
        )
        previous = group
    if any(ceiling.estimate.exists for ceiling in ceilings.values()):
        rows.append(ceiling_row([ceilings.get(label) for label in labels]))
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
        value=row["value"],
    )


def dagger(entry: Entry, marked: bool) -> Entry:
    return replace(entry, aside=f"{entry.aside} †".strip()) if marked else entry


def ceiling_row(ceilings: Sequence[Ceiling | None]) -> Row:
    """The highest PLCC that any scorer can reach, group by group."""
    entries = []
    for ceiling in ceilings:
        if ceiling is None or not ceiling.estimate.exists:
            entries.append(Entry(text="-"))
            continue
        estimate, interval = ceiling.estimate, ceiling.interval
        spread = "" if math.isnan(interval.low) else f"[{interval.low:.{DIGITS}f}, {interval.high:.{DIGITS}f}]"
        entries.append(
            Entry(
                text=value_text("plcc", estimate.value),
                below=" ".join(filter(None, (spread, f"{estimate.n}/{estimate.total}"))),
                alarm=estimate.n < estimate.total,
                value=estimate.value,
            )
        )
    return Row(labels=(CEILING,), entries=tuple(entries), section=True, apart=True)


def remarks(part: pd.DataFrame) -> Iterator[str]:
    """Why figures of one metric are missing, and what is to be said of those that are there."""
    missing = part[part["reason"] != ""]
    alike: dict[tuple[str, str], list[str]] = {}
    for (scorer, reason), rows in missing.groupby(["scorer", "reason"], sort=False):
        alike.setdefault((", ".join(rows["group"]), str(reason)), []).append(str(scorer))
    every = part["scorer"].nunique()
    for (where, reason), scorers in list(alike.items())[:_MOST_NOTES]:
        named = "any scorer" if 1 < every == len(scorers) else ", ".join(scorers)
        yield f"No figure for {named} on {where}: {reason}."
    if unsaid := sum(map(len, list(alike.values())[_MOST_NOTES:])):
        yield f"And {unsaid} more without a figure: --format csv says why."
    noted = part[(part["note"] != "") & (part["reason"] == "")]
    for note, rows in noted.groupby("note", sort=False):
        named = ", ".join(f"{scorer} on {group}" for scorer, group in zip(rows["scorer"], rows["group"], strict=True))
        yield f"{note}: {named if len(rows) <= 3 else f'{len(rows)} figures'}."


def daggers(table: pd.DataFrame) -> Iterator[str]:
    """What the dagger and the noise ceiling of a conclusions' table mean."""
    marked = table[table["trained_on"] != ""]
    # The last group is the widest: what holds of all images holds of the others.
    alike: dict[str, list[str]] = {}
    for scorer, photos in dict(zip(marked["scorer"], marked["trained_on"], strict=True)).items():
        alike.setdefault(photos, []).append(scorer)
    for photos, scorers in alike.items():
        were = "was trained on photos that it judges" if len(scorers) == 1 else "were trained on photos that they judge"
        yield f"† {', '.join(scorers)} {were} here: {photos}."
    if table["ceiling"].notna().any():
        yield f"The {CEILING} is the highest PLCC that any scorer can reach, given how far apart the votes are."
