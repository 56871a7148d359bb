"""From a panel's votes to opinion scores in the dataset's folder: MOS, DMOS, or strengths from pairs."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from iqabench.annotate.log import Log
from iqabench.annotate.settings import SCALE, read_settings
from iqabench.annotate.votes import long_table, votes_of
from iqabench.construct.build import read_facts
from iqabench.construct.card import card
from iqabench.datasets.built import FACTS, MOS, Entry, of_role, read_entries
from iqabench.errors import UsageError
from iqabench.report.mos import Method, Panel, notices, recover
from iqabench.report.sheet import Sheet, plain
from iqabench.report.votes import Votes, counted
from iqabench.runner.manifest import write_text
from iqabench.stats.paired import bradley_terry


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinions:
    """``table`` has a row an image: image, mos, low, high, std, votes. ``panel`` is None for pair comparisons, of
    which ``sheets`` say the models' strengths."""

    table: pd.DataFrame
    panel: Panel | None
    sheets: tuple[Sheet, ...] = ()


def opinions(folder: Path, method: Method = "plain", *, level: float = 0.95, **choices: object) -> Opinions:
    """The opinion scores of the dataset in ``folder``, from the votes on record.

    ACR and DCR: the mean votes by ``method`` (see ``iqabench.report.mos.recover``, which takes ``choices``). ACR-HR:
    the same of DV = V(image) − V(its hidden reference) + 5 (ITU-T P.910 7.2). PC: Bradley-Terry strengths among the
    images of one photo and degrader. Raises UsageError where there are no votes, or one rater's.
    """
    settings = read_settings(folder)
    with Log(folder) as log:
        table = long_table(log)
    entries = read_entries(folder)
    if settings is not None and settings.method == "pc":
        return _strengths(counted(table), entries, level)
    votes = votes_of(table)
    if settings is not None and settings.method == "acr-hr":
        votes = _against_reference(votes, entries)
    panel = recover(votes, method, level=level, **choices)  # type: ignore[arg-type]
    return Opinions(table=panel.table, panel=panel)


def write_opinions(folder: Path, found: Opinions) -> None:
    """Give the dataset its scores: ``mos.csv``, and what its card and facts say of them. Raises StoreError."""
    facts = read_facts(folder)
    settings = read_settings(folder)
    with Log(folder) as log:
        table = counted(long_table(log))
    facts["opinions"] = {
        "method": settings.method.upper() if settings else "ACR",
        "raters": int(table["rater"].nunique()),
        "votes": len(table),
        "rated": len(found.table),
        "lines": [*_lines(found.panel), *(notices(found.panel) if found.panel else [])],
    }
    write_text(folder / MOS, found.table.to_csv(index=False))
    write_text(folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False))
    write_text(folder / "README.md", card(folder.resolve().name, facts, read_entries(folder)))


def _lines(panel: Panel | None) -> list[str]:
    if panel is None:
        return ["Scores are Bradley-Terry strengths (log-odds) among the images of one photo."]
    return [
        f"Mean PLCC between raters {panel.mean_correlation:.3f}; reliability of their mean {panel.reliability:.3f}.",
        f"Krippendorff's alpha {panel.alpha:.3f}.",
    ]


def _against_reference(votes: Votes, entries: list[Entry]) -> Votes:
    """Differential votes of the images that are no references."""
    pristine = {entry.source: entry.file for entry in of_role(entries, "source")}
    source = {entry.file: entry.source for entry in entries if entry.role != "source"}
    row = {name: at for at, name in enumerate(votes.stimuli)}
    names = [name for name in votes.stimuli if name in source and pristine.get(source[name]) in row]
    if not names:
        raise UsageError("No rater has rated an image and its hidden reference yet.")
    rated = votes.table[[row[name] for name in names]]
    hidden = votes.table[[row[pristine[source[name]]] for name in names]]
    return Votes(table=rated - hidden + SCALE[1], stimuli=tuple(names), raters=votes.raters, repeats=votes.repeats)


def _strengths(rows: pd.DataFrame, entries: list[Entry], level: float) -> Opinions:
    if rows.empty:
        raise UsageError("There are no votes yet.")
    of = {entry.file: entry for entry in entries}
    sets: dict[tuple[str, str], list[tuple[str, str, float]]] = defaultdict(list)
    for image, other, vote in rows[["image", "other", "vote"]].itertuples(index=False, name=None):
        sets[of[image].source, of[image].degrader].append((image, other, vote))
    quantile = float(special.ndtri((1 + level) / 2))
    lines = []
    for choices in sets.values():
        names, strength, se, seen = _fit(choices)
        lines += [
            (name, s, s - quantile * e, s + quantile * e, np.nan, n)
            for name, s, e, n in zip(names, strength, se, seen, strict=True)
        ]
    table = pd.DataFrame.from_records(lines, columns=["image", "mos", "low", "high", "std", "votes"])
    return Opinions(table=table, panel=None, sheets=tuple(_by_model(sets, of, quantile)))


def _by_model(
    sets: dict[tuple[str, str], list[tuple[str, str, float]]], of: dict[str, Entry], quantile: float
) -> list[Sheet]:
    """The enhancers of each degrader, compared over all photos."""
    models: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for (_, degrader), choices in sets.items():
        models[degrader] += [(of[image].enhancer, of[other].enhancer, vote) for image, other, vote in choices]
    sheets = []
    for degrader, choices in models.items():
        names, strength, se, seen = _fit(choices)
        order = np.argsort(-strength)
        rows: list[tuple[object, ...]] = [
            (names[i], f"{strength[i]:+.3f} ± {quantile * se[i]:.3f}", str(int(seen[i]))) for i in order
        ]
        title = f"Strengths of the enhancers of {degrader or 'the photos'} (Bradley-Terry, log-odds)"
        sheets.append(plain(title, ("enhancer", "strength", "choices"), rows))
    return sheets


def _fit(choices: list[tuple[str, str, float]]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    names = sorted({name for first, second, _ in choices for name in (first, second)})
    at = {name: number for number, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for first, second, vote in choices:
        wins[at[first], at[second]] += vote
        wins[at[second], at[first]] += 1 - vote
    found = bradley_terry(wins)
    return names, found.strength, found.se, (wins + wins.T).sum(axis=1)
