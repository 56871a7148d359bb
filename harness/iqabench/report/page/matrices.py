"""Mean scores, enhancers down and scorers across, with intervals that know which images share a photo."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from iqabench.report.page.wide import Floats, Wide
from iqabench.report.render import format_number
from iqabench.report.sheet import Entry, Row, Sheet


def score_matrix(table: Wide, level: float = 0.95) -> Sheet:
    """One sheet: a section a degrader, or a type of enhancement where the run degraded nothing itself. Bold is the best
    enhancer of each, in the scorer's own direction."""
    contents = np.unique(table.contents(), return_inverse=True)[1]
    over = "degrader" if (table.images["degrader"] != "").any() or not (table.images["task"] != "").any() else "task"
    keys = list(dict.fromkeys(zip(table.images[over], table.images["enhancer"], strict=True)))
    rows: list[Row] = []
    for section in dict.fromkeys(found for found, _ in keys):
        block = []
        for enhancer in [enhancer for found, enhancer in keys if found == section]:
            mask = ((table.images[over] == section) & (table.images["enhancer"] == enhancer)).to_numpy()
            if table.planned[mask].any():
                entries = [
                    _entry(table.scores[mask, at], int(table.planned[mask, at].sum()), contents[mask], level)
                    for at in range(len(table.scorers))
                ]
                block.append((enhancer, entries))
        marked = _marks(block, table.higher)
        for place, (enhancer, entries) in enumerate(marked):
            labels = (section or "(original)", enhancer or "(none)")
            rows.append(Row(labels=labels, entries=tuple(entries), section=place == 0))
    arrows = [f"{label} {'↑' if higher else '↓'}" for label, higher in zip(table.scorers, table.higher, strict=True)]
    return Sheet(
        title="Mean score of each enhancer",
        headings=("degrader" if over == "degrader" else "type", "enhancer", *arrows),
        rows=tuple(rows),
        notes=(
            f"Below each mean its {level:.0%} interval (Student's t over source photos) and n/N, the scores there are "
            "of those planned. ↑ higher is better, ↓ lower is better. Bold: the best enhancer of its section.",
        ),
    )


def _entry(values: Floats, planned: int, contents: NDArray[np.intp], level: float) -> Entry:
    kept = np.isfinite(values)
    n = int(kept.sum())
    if not planned:
        return Entry(text="·")
    if not n:
        return Entry(text="-", below=f"0/{planned}", alarm=True)
    mean, half = mean_interval(values[kept], contents[kept], level)
    spread = "" if math.isnan(half) else f"[{format_number(mean - half)}, {format_number(mean + half)}] "
    return Entry(text=format_number(mean), below=f"{spread}{n}/{planned}", alarm=n < planned, value=mean)


def mean_interval(values: Floats, contents: NDArray[np.intp], level: float) -> tuple[float, float]:
    """The mean of ``values`` (n,) and the half width of its interval, by the variance between the residual sums of
    whole ``contents`` (n,); nan for one content."""
    from scipy.special import stdtrit

    mean = float(values.mean())
    sums = np.bincount(np.unique(contents, return_inverse=True)[1], values - mean)
    groups = sums.size
    if groups < 2:
        return mean, math.nan
    error = math.sqrt(groups / (groups - 1) * float(sums @ sums)) / values.size
    return mean, float(stdtrit(groups - 1, (1 + level) / 2)) * error


def _marks(block: list[tuple[str, list[Entry]]], higher: tuple[bool, ...]) -> list[tuple[str, list[Entry]]]:
    enhanced = [at for at, (enhancer, _) in enumerate(block) if enhancer]
    marked = [(enhancer, list(entries)) for enhancer, entries in block]
    for column, upwards in enumerate(higher):
        there = [(entries[column].value, at) for at, (_, entries) in enumerate(block) if at in enhanced]
        there = [(value, at) for value, at in there if not math.isnan(value)]
        if len(there) > 1:
            best = (max if upwards else min)(value for value, _ in there)
            for value, at in there:
                if value == best:
                    marked[at][1][column] = replace(marked[at][1][column], mark="best")
    return marked
