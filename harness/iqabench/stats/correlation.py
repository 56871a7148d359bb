"""Agreement of scores with opinions: PLCC, SRCC, KRCC, and the errors of ITU-T P.1401 (2020) section 7.5."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from iqabench.errors import UsageError
from iqabench.stats.estimate import Estimate
from iqabench.stats.pairs import Floats, Pairs, as_vector, pair
from iqabench.text import amount


def plcc(
    scores: ArrayLike, mos: ArrayLike, *, higher_is_better: bool = True, mos_higher_is_better: bool = True
) -> Estimate:
    """Pearson's linear correlation, unmapped. Positive means agreement in the declared directions."""
    return plcc_of(pair(scores, mos, higher_is_better=higher_is_better, mos_higher_is_better=mos_higher_is_better))


def srcc(
    scores: ArrayLike,
    mos: ArrayLike,
    *,
    higher_is_better: bool = True,
    mos_higher_is_better: bool = True,
    tie_tolerance: float | None = None,
) -> Estimate:
    """Spearman's rank correlation: Pearson's of mean ranks. ``tie_tolerance``: see merge_near_ties."""
    return srcc_of(
        pair(
            scores,
            mos,
            higher_is_better=higher_is_better,
            mos_higher_is_better=mos_higher_is_better,
            tie_tolerance=tie_tolerance,
        )
    )


def krcc(
    scores: ArrayLike,
    mos: ArrayLike,
    *,
    higher_is_better: bool = True,
    mos_higher_is_better: bool = True,
    tie_tolerance: float | None = None,
) -> Estimate:
    """Kendall's tau-b. ``tie_tolerance``: see merge_near_ties."""
    return krcc_of(
        pair(
            scores,
            mos,
            higher_is_better=higher_is_better,
            mos_higher_is_better=mos_higher_is_better,
            tie_tolerance=tie_tolerance,
        )
    )


def plcc_of(pairs: Pairs) -> Estimate:
    return _estimate(pairs, lambda: pearson(pairs.scores, pairs.mos))


def srcc_of(pairs: Pairs) -> Estimate:
    return _estimate(pairs, lambda: pearson(stats.rankdata(pairs.scores), stats.rankdata(pairs.mos)))


def krcc_of(pairs: Pairs) -> Estimate:
    return _estimate(pairs, lambda: float(stats.kendalltau(pairs.scores, pairs.mos, variant="b").statistic))


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation of two vectors (n,), nan where one is constant."""
    x, y = x - x.mean(), y - y.mean()
    # Scaled first, so that squares neither overflow nor vanish.
    x, y = x / (np.abs(x).max() or 1.0), y / (np.abs(y).max() or 1.0)
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return max(-1.0, min(1.0, float(x @ y) / norm)) if norm > 0 else math.nan


def rmse(predicted: ArrayLike, mos: ArrayLike, *, free_parameters: int = 0) -> Estimate:
    """Root of Σe²/(N-d), d being the free parameters of the mapping (P.1401 7.5.1). Both sides on one scale."""
    return _error(predicted, mos, None, free_parameters, lambda e: float(e @ e), root=True)


def rmse_star(predicted: ArrayLike, mos: ArrayLike, mos_ci95: ArrayLike, *, free_parameters: int = 0) -> Estimate:
    """Epsilon-insensitive RMSE (P.1401 7.7): an error counts by what it exceeds the opinion's 95 % interval.

    ``mos_ci95`` (n,) is the half width of each opinion's interval.
    """
    return _error(predicted, mos, mos_ci95, free_parameters, lambda e: float(e @ e), root=True)


def mae(predicted: ArrayLike, mos: ArrayLike) -> Estimate:
    """Mean absolute error."""
    return _error(predicted, mos, None, 0, lambda e: float(np.abs(e).sum()), root=False)


def outlier_ratio(predicted: ArrayLike, mos: ArrayLike, mos_ci95: ArrayLike) -> Estimate:
    """Share of items whose error exceeds the opinion's 95 % interval (P.1401 7.5.2)."""
    return _error(predicted, mos, mos_ci95, 0, lambda e: float((e > 0).sum()), root=False)


def outlier_ratio_sd(ratio: float, n: int) -> float:
    """Standard error of an outlier ratio, √(p(1-p)/N) (P.1401 7.5.2)."""
    return math.sqrt(ratio * (1 - ratio) / n) if n else math.nan


def _estimate(pairs: Pairs, compute: Callable[[], float]) -> Estimate:
    value = math.nan if pairs.reason else float(compute())
    reason = pairs.reason or ("undefined" if math.isnan(value) else "")
    return Estimate(value=value, n=pairs.n, total=pairs.total, reason=reason)


def _error(
    predicted: ArrayLike,
    mos: ArrayLike,
    margin: ArrayLike | None,
    free: int,
    total_of: Callable[[Floats], float],
    *,
    root: bool,
) -> Estimate:
    x, y = as_vector(predicted, "predicted"), as_vector(mos, "mos")
    slack = np.zeros_like(y) if margin is None else as_vector(margin, "mos_ci95")
    if not x.shape == y.shape == slack.shape:
        raise UsageError(f"{x.size} predictions, {y.size} opinions and {slack.size} margins do not pair up.")
    kept = np.isfinite(x) & np.isfinite(y) & np.isfinite(slack)
    n = int(kept.sum())
    if n <= free:
        reason = f"n={n} with {amount(free, 'free parameter')}" if n else "no finite pair"
        return Estimate(value=math.nan, n=n, total=x.size, reason=reason)
    excess = np.maximum(0.0, np.abs(x - y)[kept] - slack[kept])
    mean = total_of(excess) / (n - free)
    return Estimate(value=math.sqrt(mean) if root else mean, n=n, total=x.size)
