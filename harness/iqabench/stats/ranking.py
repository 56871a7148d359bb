"""Orders of scorers, with what is undecided about them; and averages of correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from iqabench.errors import UsageError
from iqabench.stats.estimate import Estimate
from iqabench.stats.pairs import Floats, as_vector, pair


def ranks(values: ArrayLike) -> Floats:
    """Rank of each value, 1 the highest, ties sharing the mean rank; nan stays nan."""
    given = np.asarray(values, dtype=np.float64)
    out = np.full(given.shape, np.nan)
    kept = np.isfinite(given)
    out[kept] = stats.rankdata(-given[kept])
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class RankInterval:
    """The rank of one scorer and the ranks it takes in the middle ``level`` of the resamples."""

    rank: float
    low: int
    high: int


def rank_intervals(estimate: ArrayLike, resampled: ArrayLike, level: float = 0.95) -> list[RankInterval]:
    """Rank intervals from paired resamples (resamples, scorers) of the figure in ``estimate`` (scorers,)."""
    table = np.asarray(resampled, dtype=np.float64)
    drawn = stats.rankdata(-table, axis=1, nan_policy="omit")
    tails = [(1 - level) / 2, (1 + level) / 2]
    low = np.nanquantile(drawn, tails[0], axis=0, method="inverted_cdf")
    high = np.nanquantile(drawn, tails[1], axis=0, method="inverted_cdf")
    return [
        RankInterval(rank=float(r), low=math.floor(a), high=math.ceil(b))
        for r, a, b in zip(ranks(estimate), low, high, strict=True)
    ]


def rank_intervals_from_p(values: ArrayLike, p: ArrayLike, alpha: float = 0.05) -> list[RankInterval]:
    """Rank intervals from pairwise tests: 1 + those significantly better, to n - those significantly worse."""
    x, matrix = as_vector(values, "values"), np.asarray(p, dtype=np.float64)
    differs = np.nan_to_num(matrix, nan=1.0) < alpha
    better = (differs & (x[None, :] > x[:, None])).sum(axis=1)
    worse = (differs & (x[None, :] < x[:, None])).sum(axis=1)
    return [
        RankInterval(rank=float(r), low=1 + int(b), high=x.size - int(w))
        for r, b, w in zip(ranks(x), better, worse, strict=True)
    ]


def compact_letters(values: ArrayLike, p: ArrayLike, alpha: float = 0.05) -> list[str]:
    """Letters such that two scorers share one exactly where they do not differ at ``alpha``.

    ``p`` (k, k) should be adjusted already. Insert and absorb (Piepho 2004), letters in order of ``values``,
    "a" the best.
    """
    x, matrix = as_vector(values, "values"), np.asarray(p, dtype=np.float64)
    if matrix.shape != (x.size, x.size):
        raise UsageError(f"p is {matrix.shape}, not {x.size}×{x.size}.")
    groups: list[frozenset[int]] = [frozenset(range(x.size))]
    for a in range(x.size):
        for b in range(a + 1, x.size):
            if np.isfinite(matrix[a, b]) and matrix[a, b] < alpha:
                split = [part for g in groups for part in ((g - {a}, g - {b}) if {a, b} <= g else (g,))]
                groups = [g for i, g in enumerate(split) if not any(g < h for h in split) and g not in split[:i]]
    place = {scorer: at for at, scorer in enumerate(np.argsort(-x, kind="stable").tolist())}
    groups.sort(key=lambda g: sorted(place[scorer] for scorer in g))
    return ["".join(_letter(i) for i, g in enumerate(groups) if scorer in g) for scorer in range(x.size)]


def _letter(index: int) -> str:
    letter = chr(ord("a") + index % 26)
    return letter if index < 26 else f"{letter}{index // 26}"


def mean_correlation(values: ArrayLike, weights: ArrayLike | None = None) -> Estimate:
    """Mean of correlations through Fisher's z: tanh of the mean of atanh. nan is left out and shows in n.

    ±1 has no finite z: it counts as 1 - 1e-9. ``weights`` (n-3 of each correlation, say) default to equal.
    """
    r = as_vector(values, "values")
    w = np.ones_like(r) if weights is None else as_vector(weights, "weights")
    kept = np.isfinite(r) & (w > 0)
    if not kept.any():
        return Estimate(value=math.nan, n=0, total=r.size, reason="no correlation exists")
    z = np.arctanh(np.clip(r[kept], -1 + 1e-9, 1 - 1e-9))
    return Estimate(value=float(np.tanh(np.average(z, weights=w[kept]))), n=int(kept.sum()), total=r.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinContent:
    """How well a scorer orders the versions of one picture.

    ``estimate`` is the mean of the contents' rank correlations through Fisher's z; its n counts contents.
    ``values`` and ``z`` (contents,), in the order of ``contents``, are nan where opinions or scores all tie.
    ``best_chosen`` is the share of contents whose best-rated version the scorer puts first.
    """

    estimate: Estimate
    values: Floats
    z: Floats
    contents: tuple[object, ...]
    best_chosen: Estimate


def within_content(
    scores: ArrayLike,
    mos: ArrayLike,
    contents: Sequence[object] | NDArray,
    *,
    statistic: Literal["srcc", "krcc"] = "srcc",
) -> WithinContent:
    """Mean rank correlation inside each source content; scores and opinions are oriented.

    A perfect order of m versions counts as half a swap of neighbours short of perfect, 1 - 6/(m³-m), since ±1
    has no finite z.
    """
    x, y = as_vector(scores, "scores"), as_vector(mos, "mos")
    names, codes = np.unique(np.asarray(contents), return_inverse=True)
    if not x.size == y.size == codes.size:
        raise UsageError(f"{x.size} scores, {y.size} opinions and {codes.size} contents do not pair up.")
    pairs = pair(x, y, minimum=0)
    inside = codes[pairs.kept]
    size = np.bincount(inside, minlength=names.size)
    values, z, chosen = (np.full(names.size, np.nan) for _ in range(3))
    order = np.argsort(inside, kind="stable")
    starts = np.cumsum(size) - size
    # Contents with equally many images are done together, as rows.
    for m in np.unique(size[size > 1]):
        which = np.flatnonzero(size == m)
        rows = order[starts[which, None] + np.arange(m)]
        a, b = pairs.scores[rows], pairs.mos[rows]
        top = a == a.max(axis=1, keepdims=True)
        chosen[which] = (top & (b == b.max(axis=1, keepdims=True))).sum(axis=1) / top.sum(axis=1)
        if m > 2:
            values[which] = _row_srcc(a, b) if statistic == "srcc" else _row_krcc(a, b)
            most = 1 - 6 / (int(m) ** 3 - int(m))
            z[which] = np.arctanh(np.clip(values[which], -most, most))
    mean = _mean(z, "no content has three images that differ")
    return WithinContent(
        estimate=replace(mean, value=math.tanh(mean.value)),
        values=values,
        z=z,
        contents=tuple(names.tolist()),
        best_chosen=_mean(chosen, "no content has two images"),
    )


def _row_srcc(a: Floats, b: Floats) -> Floats:
    return _row_cosine(*(r - r.mean(axis=1, keepdims=True) for r in (stats.rankdata(v, axis=1) for v in (a, b))))


def _row_krcc(a: Floats, b: Floats) -> Floats:
    signs = (np.sign(v[:, :, None] - v[:, None, :]).reshape(v.shape[0], -1) for v in (a, b))
    return _row_cosine(*signs)


def _row_cosine(a: Floats, b: Floats) -> Floats:
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    cosine: Floats = np.divide((a * b).sum(axis=1), norm, out=np.full(norm.shape, np.nan), where=norm > 0)
    return cosine


def _mean(values: Floats, reason: str) -> Estimate:
    kept = values[np.isfinite(values)]
    if kept.size == 0:
        return Estimate(value=math.nan, n=0, total=values.size, reason=reason)
    return Estimate(value=float(kept.mean()), n=kept.size, total=values.size)


def mean_ranks(table: ArrayLike) -> Floats:
    """Rank aggregation: the mean rank of each scorer (k,) over the columns of ``table`` (k, subsets).

    A nan takes the last rank of its column: what could not be computed is not rewarded.
    """
    values = np.asarray(table, dtype=np.float64)
    filled = np.where(np.isfinite(values), values, -np.inf)
    return np.asarray(stats.rankdata(-filled, axis=0).mean(axis=1))


def borda(table: ArrayLike) -> Floats:
    """Borda count (k,): how many scorers each one beats, summed over subsets, ties half."""
    values = np.asarray(table, dtype=np.float64)
    filled = np.where(np.isfinite(values), values, -np.inf)
    return np.asarray((stats.rankdata(filled, axis=0) - 1).sum(axis=1))


def best_marks(values: ArrayLike, groups: Sequence[str], digits: int = 3) -> list[str]:
    """The paper's marks: "best" for the highest of all, "group" for the highest of its group, else "".

    Values equal when printed to ``digits`` share a mark.
    """
    x = np.round(as_vector(values, "values"), digits)
    if x.size != len(groups):
        raise UsageError(f"{x.size} values but {len(groups)} groups.")
    overall = np.nanmax(x) if np.isfinite(x).any() else math.nan
    highest = {g: np.nanmax(x[[h == g for h in groups]], initial=-math.inf) for g in set(groups)}
    return ["best" if v == overall else "group" if v == highest[g] else "" for v, g in zip(x, groups, strict=True)]
