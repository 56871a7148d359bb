"""How people's opinions are spread, by enhancer and by type (AU-IQA's Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iqabench.report.groups import Group
from iqabench.report.opinions import Rated
from iqabench.report.page.wide import Floats

_MOST_BINS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """``shares`` (bins,) of the images of one group, between ``edges`` (bins + 1,), of opinions from ``low`` to
    ``high``."""

    label: str
    by: str
    edges: Floats
    shares: Floats
    low: float
    high: float
    n: int
    mean: float
    sd: float
    median: float

    def bars(self, width: float, height: float, most: float) -> str:
        """An SVG path of the bars in a box of ``width`` × ``height``, the share ``most`` filling it."""
        step = width / self.shares.size
        tall = self.shares / most * height
        return "".join(
            f"M{step * at + 0.5:.1f} {height}v{-tall[at]:.1f}h{step - 1:.1f}V{height}z"
            for at in np.flatnonzero(self.shares).tolist()
        )


def histograms(rated: Rated, grouped: Sequence[Group]) -> list[Histogram]:
    """Of each group whose opinions can be pooled, all in the same bins; over the range of votes where it is known."""
    pooled = [group for group in grouped if len(group.parts) == 1]
    if not pooled:
        return []
    low, high, edges = _edges(rated)
    found = []
    for group in pooled:
        mos = rated.mos[group.parts[0]]
        counts = np.histogram(mos, edges)[0]
        found.append(
            Histogram(
                label=group.label,
                by=group.by,
                edges=edges,
                shares=counts / max(1, mos.size),
                low=low,
                high=high,
                n=mos.size,
                mean=float(mos.mean()),
                sd=float(mos.std(ddof=1)) if mos.size > 1 else 0.0,
                median=float(np.median(mos)),
            )
        )
    return found


def _edges(rated: Rated) -> tuple[float, float, Floats]:
    """Bins that hold whole steps of a mean of few votes, so that none of them is empty by arithmetic alone."""
    ranges = [judged.mos_range for judged in rated.judged.values() if judged.mos_range]
    low = min([float(rated.mos.min()), *(low for low, _ in ranges)])
    high = max([float(rated.mos.max()), *(high for _, high in ranges)])
    if low == high:
        return low, high, np.array([low - 0.5, high + 0.5])
    values = np.unique(np.round(rated.mos, 6))
    steps = np.diff(values)
    step = float(steps.min()) if steps.size else high - low
    if (
        step > 0
        and (high - low) / step <= 200
        and np.allclose((values - low) / step, np.round((values - low) / step), atol=1e-3)
    ):
        whole = step * max(1, int(np.ceil((high - low) / step / _MOST_BINS)))
        return low, high, np.arange(low - step / 2, high + whole, whole)
    return low, high, np.linspace(low, high, _MOST_BINS + 1)
