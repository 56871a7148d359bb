"""The images on which a scorer and people disagree most; without people, a scorer and the other scorers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from iqabench.report.page.wide import Floats, Wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """``kind`` (rows, descending) and ``harsh``: images that the scorer puts higher, or lower, than the others do.

    ``own`` and ``other`` (n,) are percentiles, 100 the best; nan where there is none.
    """

    own: Floats
    other: Floats
    kind: tuple[int, ...]
    harsh: tuple[int, ...]


def disagreements(table: Wide, better_mos: Floats, parts: NDArray[np.intp], most: int) -> list[Disagreement]:
    """One for each scorer, with up to ``most`` images on either side.

    ``better_mos`` (n,) is oriented; ``parts`` (n,) tells apart images whose opinions, or scores, are not ranked
    together: the datasets.
    """
    better = table.better()
    own = np.column_stack([percentiles(column, parts) for column in better.T])
    judged = np.isfinite(better_mos).any()
    people = percentiles(better_mos, parts)
    found = []
    for at in range(len(table.scorers)):
        mine = percentiles(np.where(np.isfinite(better_mos), better[:, at], np.nan), parts) if judged else own[:, at]
        other = people if judged else _mean(np.delete(own, at, axis=1))
        apart = mine - other
        kept = np.flatnonzero(np.isfinite(apart))
        order = kept[np.argsort(-apart[kept], kind="stable")]
        found.append(
            Disagreement(
                own=mine,
                other=other,
                kind=tuple(row for row in order[:most].tolist() if apart[row] > 0),
                harsh=tuple(row for row in order[::-1][:most].tolist() if apart[row] < 0),
            )
        )
    return found


def percentiles(values: Floats, parts: NDArray[np.intp]) -> Floats:
    """Mid-rank percentiles 0..100 of ``values`` (n,) among those of the same part; nan stays nan."""
    out = np.full(values.shape, np.nan)
    for part in np.unique(parts):
        kept = (parts == part) & np.isfinite(values)
        if kept.any():
            out[kept] = 100 * (rankdata(values[kept]) - 0.5) / kept.sum()
    return out


def _mean(columns: Floats) -> Floats:
    there = np.isfinite(columns).sum(axis=1)
    total: Floats = np.nansum(columns, axis=1)
    out: Floats = np.divide(total, there, out=np.full(total.shape, np.nan), where=there > 0)
    return out
