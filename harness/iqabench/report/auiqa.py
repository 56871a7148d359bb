"""AU-IQA's own layout: each type of enhancement, a random third, all images; the published figures beside ours."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pandas as pd

from iqabench.report.conclusion_sheets import ceiling_row, conclusion_sheets, daggers, figure_entry, in_groups, remarks
from iqabench.report.conclusions import Conclusions
from iqabench.report.groups import ALL, Group, groups, tells
from iqabench.report.opinions import Rated
from iqabench.report.sheet import Entry, Row, Sheet
from iqabench.text import amount

RANDOM = 1600
METRICS = ("plcc", "srcc")
_HEADINGS = {"sr": "SR", "lle": "LLE", "dn": "Denoising", "random1600": "Random-1600", "all": "All"}
_LABELS = {"random1600": f"random-{RANDOM}"}


def published() -> pd.DataFrame:
    """The paper's Table 2: scorer, subset (sr, lle, dn, random1600, all), plcc, srcc (Wang et al., ACM MM 2025)."""
    place = files("iqabench.report").joinpath("data", "auiqa_table2.csv")
    with place.open(encoding="utf-8") as file:
        return pd.read_csv(file, comment="#")


def layout(rated: Rated, suite: str, *, seed: int = 0) -> list[Group]:
    """The paper's groups: the enhancers, the types, 1,600 images drawn by ``seed``, and all.

    A draw is left out where there are no more images than it takes. The suite ``au-iqa-scorers`` enhances nothing, and
    may have judged images of which neither enhancer nor type is known: of it those groups are left out too.
    """
    by = [name for name in ("enhancer", "type") if suite == "au-iqa" or tells(rated, name)]
    return groups(rated, by, random=RANDOM if rated.n > RANDOM else 0, seed=seed)


def beside_published(found: Conclusions) -> pd.DataFrame:
    """The conclusions' table with ``published`` and ``difference`` (ours less the paper's), nan where the paper has
    no such figure."""
    paper = _figures()
    labels = {label: subset for subset in _HEADINGS for label in [_LABELS.get(subset, subset)]}
    names = _named(list(found.rated.scores))
    values = [
        paper.get((names.get(row["scorer"], ""), labels.get(row["group"], ""), row["metric"]), math.nan)
        if row["by"] != "enhancer" and row["mapping"] == "none"
        else math.nan
        for row in found.table.to_dict("records")
    ]
    table = found.table.assign(published=values)
    return table.assign(difference=table["value"] - table["published"])


def au_iqa_sheets(found: Conclusions) -> list[Sheet]:
    """The paper's Table 2, a sheet a metric, the published figure beside ours; then the same by enhancer."""
    table = beside_published(found)
    by_enhancer = table["by"] == "enhancer"
    notes = (*_notes(found), *daggers(table))
    sheets = [_table2(found, table[~by_enhancer & (table["metric"] == metric)], metric, notes) for metric in METRICS]
    if by_enhancer.any():
        sheets += conclusion_sheets(replace(found, table=found.table[by_enhancer]))
    return sheets


def _table2(found: Conclusions, table: pd.DataFrame, metric: str, notes: tuple[str, ...]) -> Sheet:
    paper = _figures()
    names = _named(list(found.rated.scores))
    raw = table[table["mapping"] == "none"]
    ours = {(row["scorer"], row["group"]): row for row in raw.to_dict("records")}
    unmatched = [name for name in dict.fromkeys(name for name, _, _ in paper) if name not in names.values()]
    rows = []
    previous = ""
    for scorer in in_groups([*unmatched, *found.rated.scores]):
        name = names.get(scorer, scorer)
        group = scorer.partition(".")[0]
        own = [ours.get((scorer, _LABELS.get(subset, subset))) for subset in _HEADINGS]
        printed = [paper.get((name, subset, metric), math.nan) for subset in _HEADINGS]
        marked = any(row["trained_on"] for row in own if row is not None)
        rows.append(
            Row(
                labels=(scorer + (" †" if marked else ""),),
                entries=tuple(map(_entry, own, printed)),
                section=group != previous,
            )
        )
        previous = group
    highest = [found.ceilings.get(_LABELS.get(subset, subset)) for subset in _HEADINGS]
    if metric == "plcc" and any(ceiling is not None and ceiling.estimate.exists for ceiling in highest):
        rows.append(ceiling_row(highest))
    return Sheet(
        title=f"AU-IQA, Table 2: {metric.upper()}, ours and the published figure with the difference",
        headings=("scorer", *_HEADINGS.values()),
        rows=tuple(rows),
        notes=(*remarks(raw), *(notes if metric == METRICS[-1] else ())),
    )


def _entry(row: Mapping[Hashable, Any] | None, paper: float) -> Entry:
    printed = "" if math.isnan(paper) else f"paper {paper:.3f}"
    if row is None:
        return Entry(text="-", aside=printed)
    entry = figure_entry(row)
    difference = "" if math.isnan(row["value"]) or math.isnan(paper) else f"{row['value'] - paper:+.3f}"
    return replace(entry, aside=" ".join(filter(None, (printed, difference))))


def _notes(found: Conclusions) -> Iterator[str]:
    yield "Published: Wang et al., ACM MM 2025, doi:10.1145/3746027.3758213, with the paper's own tuned weights."
    if "auiqa" not in found.rated.datasets:
        yield "The published figures are of AU-IQA's images, but these images were not read as that dataset."
    if ALL in {group.label for group in found.groups} and found.rated.n <= RANDOM:
        there = "There is" if found.rated.n == 1 else "There are"
        yield f"{there} {amount(found.rated.n, 'image')}: too few to draw {RANDOM}."


def _figures() -> dict[tuple[str, str, str], float]:
    return {
        (str(row["scorer"]), str(row["subset"]), metric): float(row[metric])
        for row in published().to_dict("records")
        for metric in METRICS
    }


def _named(labels: list[str]) -> dict[str, str]:
    """The paper's name of each scorer that it has: the label, or the id where one variant of it was run."""
    known = {name for name, _, _ in _figures()}
    ids = [label.partition("[")[0] for label in labels]
    named = {label: label for label in labels if label in known}
    for label, model in zip(labels, ids, strict=True):
        if model in known and model not in named and ids.count(model) == 1:
            named[label] = model
    return named
