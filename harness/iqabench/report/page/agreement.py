"""How far scorers agree with each other, and with people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iqabench.report.page.wide import Floats, Wide
from iqabench.stats.correlation import srcc

PEOPLE = "people"
_SHADES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """SRCC between every two of ``labels`` (m, m), each on the images that both judged; nan under three of them."""

    labels: tuple[str, ...]
    srcc: Floats


def agreement(table: Wide, better_mos: Floats) -> Agreement:
    """Scorers in the order of their likeness, people first where they judged. ``better_mos`` is (n,)."""
    columns = np.column_stack([better_mos, table.better()])
    judged = int(np.isfinite(better_mos).sum() > 2)
    labels = [PEOPLE, *table.scorers]
    if not judged:
        columns, labels = columns[:, 1:], labels[1:]
    size = len(labels)
    values = np.eye(size)
    for a in range(size):
        for b in range(a):
            values[a, b] = values[b, a] = srcc(columns[:, a], columns[:, b]).value
    order = _by_likeness(values[judged:, judged:]) + judged
    order = np.append(0, order) if judged else order
    return Agreement(labels=tuple(labels[at] for at in order), srcc=values[np.ix_(order, order)])


def _by_likeness(values: Floats) -> NDArray[np.intp]:
    """An order in which scorers that agree stand side by side: average linkage, leaves in optimal order."""
    size = len(values)
    if size < 3:
        return np.arange(size)
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering

    distance = 1 - np.nan_to_num(values)
    flat = distance[np.triu_indices(size, k=1)]
    return np.asarray(leaves_list(optimal_leaf_ordering(linkage(flat, "average"), flat)))


def shade(value: float) -> str:
    """The class of a cell's colour: n10 (-1) to p10 (+1), or none."""
    if math.isnan(value):
        return "none"
    step = round(abs(value) * _SHADES)
    return f"{'n' if value < 0 else 'p'}{step}"
