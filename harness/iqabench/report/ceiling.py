"""How well any scorer could do: the noise ceiling that the spread of the votes sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iqabench.report.groups import Group
from iqabench.report.opinions import Rated
from iqabench.stats.estimate import Estimate, Interval, missing_interval
from iqabench.stats.pairs import Floats
from iqabench.stats.resampling import draw

_FEWEST_CONTENTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The highest PLCC that a scorer of the true qualities can reach on one group, and its interval."""

    estimate: Estimate
    interval: Interval


def ceilings(
    rated: Rated, grouped: Sequence[Group], *, resamples: int = 0, seed: int = 0, level: float = 0.95
) -> dict[str, Ceiling]:
    """By group label; empty where the votes' spread is not known."""
    if rated.spread is None:
        return {}
    return {group.label: _ceiling(rated, group, resamples, seed, level) for group in grouped}


def _ceiling(rated: Rated, group: Group, resamples: int, seed: int, level: float) -> Ceiling:
    """√(1 - noise/variance): the root of the reliability of the mean of the votes, ICC(1,k)."""
    none = missing_interval(level, "", "")
    if len(group.parts) > 1:
        reason = "opinions on unlike scales have no variance in common"
        return Ceiling(estimate=Estimate(value=math.nan, n=0, total=group.n, reason=reason), interval=none)
    assert rated.spread is not None
    sd, raters = rated.spread.sd[group.parts[0]], rated.spread.raters[group.parts[0]]
    mos = rated.mos[group.parts[0]]
    kept = np.isfinite(sd) & (raters > 0)
    n = int(kept.sum())
    if n < 3:
        reason = f"n={n}: at least 3 images whose votes' spread is known are needed"
        return Ceiling(estimate=Estimate(value=math.nan, n=n, total=mos.size, reason=reason), interval=none)
    names = np.arange(mos.size) if rated.contents is None else rated.contents[group.parts[0]]
    codes = np.unique(names[kept], return_inverse=True)[1]
    y, noise = mos[kept] - mos[kept].mean(), sd[kept] ** 2 / raters[kept]
    sums = np.stack([np.bincount(codes, part) for part in (np.ones(n), y, y * y, noise)], axis=1)
    value = float(_value(sums.sum(axis=0)[None])[0])
    interval = none
    if resamples and len(sums) >= _FEWEST_CONTENTS:
        drawn = _value(draw(len(sums), resamples, seed).astype(np.float64) @ sums)
        low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2]).tolist()
        interval = Interval(low=low, high=high, level=level, method="percentile")
    reason = "" if math.isfinite(value) else "all opinions are the same"
    return Ceiling(estimate=Estimate(value=value, n=n, total=mos.size, reason=reason), interval=interval)


def _value(sums: Floats) -> NDArray[np.float64]:
    """From rows of (n, Σy, Σy², Σ noise)."""
    n, total, squares, noise = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (squares - total * total / n) / (n - 1)
        reliability = 1 - noise / n / variance
    return np.where(variance > 0, np.sqrt(np.maximum(0.0, reliability)), np.nan)
