"""Cluster bootstrap: intervals and tests that know that images of one source content are not independent.

Contents are drawn with replacement, each with all its images. All scorers see the same draws, so differences
between scorers are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from iqabench.errors import UsageError
from iqabench.stats.estimate import Interval, missing_interval
from iqabench.stats.pairs import DOUBLE_TOLERANCE, Floats, as_vector, merge_near_ties
from iqabench.stats.resampling import Codes, Counts, Statistic, draw, leave_one_out, resample
from iqabench.text import amount

Method = Literal["bca", "percentile"]
_FEWEST_CONTENTS = 10
_MOST_MISSING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """Resampled values of one statistic for several scorers.

    ``estimate`` (scorers,), ``resampled`` (resamples, scorers) with the same draws for all, ``jackknife``
    (contents, scorers): the statistic without one content. ``contents`` is how many there are.
    """

    statistic: str
    estimate: Floats
    resampled: Floats
    jackknife: Floats
    contents: int
    seed: int

    def interval(self, scorer: int, *, level: float = 0.95, method: Method = "bca") -> Interval:
        """The interval of one scorer."""
        return interval_from(
            float(self.estimate[scorer]), self.resampled[:, scorer], self.jackknife[:, scorer], level, method
        )

    def difference(self, a: int, b: int, *, level: float = 0.95, method: Method = "bca") -> Interval:
        """The interval of scorer ``a`` less scorer ``b``, paired."""
        return interval_from(
            float(self.estimate[a] - self.estimate[b]),
            self.resampled[:, a] - self.resampled[:, b],
            self.jackknife[:, a] - self.jackknife[:, b],
            level,
            method,
        )

    def p_values(self) -> Floats:
        """Two-sided p of every difference (scorers, scorers), from its studentised bootstrap distribution."""
        return _p_values(self, family=False)

    def max_t_p_values(self) -> Floats:
        """The same, adjusted for all pairs at once by the largest |t| in each resample (Westfall & Young 1993)."""
        return _p_values(self, family=True)


def cluster_bootstrap(
    statistic: Statistic,
    scores: ArrayLike,
    mos: ArrayLike,
    contents: Sequence[object] | NDArray,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    free_parameters: int = 0,
) -> Bootstrap:
    """Bootstrap ``statistic`` over source contents.

    ``scores`` (images,) or (images, scorers) and ``mos`` (images,) are oriented: higher is better. A nan takes
    its image out for its own scorer alone. ``contents`` (images,) names each image's source; where images are
    independent, give every image its own. RMSE takes predictions on the opinion scale: the mapping is held
    fixed, with ``free_parameters`` of it.
    """
    table = np.asarray(scores, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    y = as_vector(mos, "mos")
    names, codes = np.unique(np.asarray(contents), return_inverse=True)
    if table.ndim != 2 or not table.shape[0] == y.size == codes.size:
        raise UsageError(f"scores {table.shape}, opinions {y.shape} and contents {codes.shape} do not pair up.")
    if resamples < 1:
        raise UsageError("at least one resample is needed.")
    width = names.size
    counts = np.concatenate([np.ones((1, width), dtype=np.float32), leave_one_out(width), draw(width, resamples, seed)])
    values = _by_missing(statistic, table, y, codes, counts, free=free_parameters)
    return Bootstrap(
        statistic=statistic,
        estimate=values[0],
        jackknife=values[1 : 1 + width],
        resampled=values[1 + width :],
        contents=width,
        seed=seed,
    )


def bootstrap_means(values: ArrayLike, *, resamples: int = 10_000, seed: int = 0, fisher_z: bool = False) -> Bootstrap:
    """Bootstrap the mean over contents of ``values`` (contents,) or (contents, scorers); nan is left out.

    With ``fisher_z`` the values are z of correlations, and what is bootstrapped is tanh of their mean.
    """
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    width = table.shape[0]
    counts = np.concatenate([np.ones((1, width)), leave_one_out(width), draw(width, resamples, seed)])
    kept = np.isfinite(table)
    with np.errstate(invalid="ignore"):
        means = (counts @ np.where(kept, table, 0.0)) / (counts @ kept)
    means = np.tanh(means) if fisher_z else means
    return Bootstrap(
        statistic="mean",
        estimate=means[0],
        jackknife=means[1 : 1 + width],
        resampled=means[1 + width :],
        contents=width,
        seed=seed,
    )


def _by_missing(
    statistic: Statistic, scores: Floats, mos: Floats, codes: Codes, counts: Counts, *, free: int
) -> Floats:
    """Scorers that miss the same images are resampled together."""
    out = np.full((counts.shape[0], scores.shape[1]), np.nan)
    present = np.isfinite(scores) & np.isfinite(mos)[:, None]
    patterns, which = np.unique(present, axis=1, return_inverse=True)
    for index in range(patterns.shape[1]):
        rows, columns = patterns[:, index], np.flatnonzero(which.ravel() == index)
        if rows.sum() < 2:
            continue
        part = scores[np.ix_(rows, columns)]
        if statistic in ("srcc", "krcc"):
            part = np.stack([merge_near_ties(column, DOUBLE_TOLERANCE) for column in part.T], axis=1)
        out[:, columns] = resample(statistic, part, mos[rows], codes[rows], counts, free_parameters=free)
    return out


def interval_from(
    estimate: float, resampled: Floats, jackknife: Floats, level: float = 0.95, method: Method = "bca"
) -> Interval:
    """Percentile or bias-corrected and accelerated interval (Efron 1987) from ready values."""
    name = f"cluster-{method}"
    kept = resampled[np.isfinite(resampled)]
    if not np.isfinite(estimate):
        return missing_interval(level, name, "the statistic does not exist")
    if jackknife.size < _FEWEST_CONTENTS:
        return missing_interval(
            level, name, f"{amount(jackknife.size, 'content')}: at least {_FEWEST_CONTENTS} are needed"
        )
    if kept.size < (1 - _MOST_MISSING) * resampled.size:
        return missing_interval(level, name, f"undefined in {amount(resampled.size - kept.size, 'resample')}")
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        tails = _corrected(tails, estimate, kept, jackknife)
    low, high = np.quantile(kept, tails).tolist()
    return Interval(low=low, high=high, level=level, method=name)


def _corrected(tails: Floats, estimate: float, resampled: Floats, jackknife: Floats) -> Floats:
    below = ((resampled < estimate).sum() + (resampled == estimate).sum() / 2) / resampled.size
    edge = 0.5 / resampled.size
    bias = special.ndtri(min(max(below, edge), 1 - edge))
    away = np.nanmean(jackknife) - jackknife[np.isfinite(jackknife)]
    norm = float((away**2).sum()) ** 1.5
    acceleration = float((away**3).sum()) / (6 * norm) if norm > 0 else 0.0
    z = bias + special.ndtri(tails)
    corrected: Floats = special.ndtr(bias + z / (1 - acceleration * z))
    return corrected


def _p_values(boot: Bootstrap, *, family: bool) -> Floats:
    first, second = np.triu_indices(boot.estimate.size, k=1)
    p = np.full((boot.estimate.size, boot.estimate.size), np.nan)
    observed, largest, exceeded = [], np.zeros(boot.resampled.shape[0]), []
    for a, b in zip(first, second, strict=True):
        delta = boot.resampled[:, a] - boot.resampled[:, b]
        there = delta[np.isfinite(delta)]
        centre, sd = boot.estimate[a] - boot.estimate[b], float(there.std()) if there.size else 0.0
        scaled = np.abs(delta - centre) / sd if sd > 0 else np.zeros_like(delta)
        observed.append(abs(centre) / sd if sd > 0 else np.nan)
        if family:
            np.fmax(largest, scaled, out=largest)
        else:
            exceeded.append(int((scaled >= observed[-1]).sum()))
    for index, (a, b) in enumerate(zip(first, second, strict=True)):
        if np.isfinite(observed[index]):
            beyond = int((largest >= observed[index]).sum()) if family else exceeded[index]
            p[a, b] = p[b, a] = (1 + beyond) / (1 + boot.resampled.shape[0])
    return p
