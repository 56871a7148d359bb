"""Krasula's analysis of pairs (QoMEX 2016): can a scorer tell pairs that people tell apart, and which is better?

It needs the spread of each opinion but no mapping. AUC_DS: does |Δscore| separate pairs that differ for people
from those that do not? AUC_BW and C0: among pairs that differ, is the sign of Δscore right?

Each pair counts once. The published code takes each in both orders: the same areas, half the variance.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iqabench.errors import UsageError
from iqabench.stats.auc import Joint
from iqabench.stats.pairs import Floats

_STEPS = 65_535  # placements are kept as 16 bits for the covariance: a gigabyte less at 4,800 images
_CHUNK = 1 << 18
Codes = NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Krasula:
    """AUC_DS, AUC_BW and C0 of every scorer; ``different`` of ``pairs`` pairs differ for people.

    ``ds_delong`` and ``bw_delong`` carry DeLong's covariance, which takes pairs for independent, as published.
    They are not: every image is in n-1 pairs. ``ds``, ``bw`` and ``c0`` carry the covariance between whole
    contents (infinitesimal jackknife), which is wider and is the one to believe.
    """

    ds: Joint
    bw: Joint
    c0: Joint
    ds_delong: Joint
    bw_delong: Joint
    different: int
    pairs: int


def krasula_analysis(
    scores: ArrayLike,
    mos: ArrayLike,
    sd: ArrayLike,
    raters: ArrayLike,
    *,
    contents: Sequence[object] | NDArray | None = None,
    threshold: float = 1.96,
) -> Krasula:
    """All pairs of images, for all scorers at once.

    ``scores`` (n,) or (n, scorers) are oriented; ``mos``, ``sd`` (sample SD of the votes) and ``raters`` (votes)
    are (n,), the last two may be one number; all finite. A pair differs where |ΔMOS|/√(s²/m + s²/m) is above
    ``threshold`` (1.96; VMAF's code has 2). Without ``contents`` every image is its own.
    """
    table = np.asarray(scores, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    y = np.asarray(mos, dtype=np.float64)
    if table.shape[0] != y.size or y.ndim != 1:
        raise UsageError(f"scores {table.shape} and opinions {y.shape} do not pair up.")
    variance = np.broadcast_to(np.asarray(sd, dtype=np.float64) ** 2 / np.asarray(raters), y.shape)
    if not (np.isfinite(table).all() and np.isfinite(y).all() and np.isfinite(variance).all()):
        raise UsageError("Krasula's analysis needs finite scores, opinions and spreads.", hint="Drop those rows.")
    names = np.arange(y.size) if contents is None else np.asarray(contents)
    codes = np.unique(names, return_inverse=True)[1].astype(np.int32)
    # In ascending opinion the second image of a pair is never the worse one for people.
    order = np.argsort(y, kind="stable")
    first, second = (order[side].astype(np.int32) for side in np.triu_indices(y.size, k=1))
    apart = np.square(y[second] - y[first]) > threshold * threshold * (variance[first] + variance[second])
    different = int(apart.sum())
    if min(different, apart.size - different) < 2:
        raise UsageError(f"{different} of {apart.size} pairs differ for people: there is nothing to separate.")
    pairs = _Pairs(first, second, apart, codes[first], codes[second], int(codes.max()) + 1)
    with ThreadPoolExecutor(max(1, min(table.shape[1], os.cpu_count() or 1))) as pool:
        found = list(pool.map(pairs.judge, table.T))
    ds, bw, c0 = (np.array([f.values[k] for f in found]) for k in range(3))
    by_content = [_between(np.stack([f.influence[k] for f in found])) for k in range(3)]
    of_apart = _covariance([f.apart for f in found]) / different
    of_close = _covariance([f.close for f in found]) / (apart.size - different)
    return Krasula(
        ds=Joint(value=ds, covariance=by_content[0]),
        bw=Joint(value=bw, covariance=by_content[1]),
        c0=Joint(value=c0, covariance=by_content[2]),
        ds_delong=Joint(value=ds, covariance=of_apart + of_close),
        bw_delong=Joint(value=bw, covariance=2 * _covariance([f.better for f in found]) / different),
        different=different,
        pairs=apart.size,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """One scorer: (AUC_DS, AUC_BW, C0), the influence of every content on each, and placements in 16 bits."""

    values: tuple[float, float, float]
    influence: tuple[Floats, Floats, Floats]
    apart: NDArray[np.uint16]
    close: NDArray[np.uint16]
    better: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class _Pairs:
    first: Codes
    second: Codes
    apart: NDArray[np.bool_]
    first_content: Codes
    second_content: Codes
    contents: int

    def judge(self, scores: Floats) -> _Found:
        """One argsort of |Δscore| orders all that the three figures need; the rest is counting along it."""
        delta = scores[self.second] - scores[self.first]
        size = np.abs(delta)
        order = np.argsort(size)
        size, delta, apart = size[order], delta[order], self.apart[order]
        ends = _tie_ends(size)
        close = ~apart
        right, wrong, level = apart & (delta > 0), apart & (delta < 0), apart & (delta == 0)
        rights, levels, different = int(right.sum()), int(level.sum()), int(apart.sum())
        # Placements on the other class: for a pair that differs the share of close pairs below it, and so on.
        placed = np.where(apart, _before(close, ends) / (apart.size - different), 1 - _before(apart, ends) / different)
        # P(B > -B'): a right b beats -B' for all right B', the level ones and the wrong ones smaller than it.
        better = np.where(right, rights + levels + _before(wrong, ends), rights - _before(right, ends))
        better[level] = rights + levels / 2
        better /= different
        auc_ds, auc_bw = float(placed[apart].mean()), float(better[apart].mean())
        c0 = rights / different
        share = np.where(apart, 1 / different, 1 / (apart.size - different))
        contents = (self.first_content[order], self.second_content[order])
        influence = (
            self._by_content((placed - auc_ds) * share, contents),
            self._by_content(np.where(apart, better - auc_bw, 0.0) * (2 / different), contents),
            self._by_content((right - c0 * apart) / different, contents),
        )
        back = np.empty(apart.size, dtype=np.uint16)
        back[order] = np.rint(placed * _STEPS)
        of_apart, of_close = back[self.apart], back[~self.apart]
        back[order] = np.rint(np.where(apart, better, 0.0) * _STEPS)
        return _Found((auc_ds, auc_bw, c0), influence, of_apart, of_close, back[self.apart])

    def _by_content(self, parts: Floats, contents: tuple[Codes, Codes]) -> Floats:
        return np.asarray(sum(np.bincount(codes, parts, self.contents) for codes in contents))


def _tie_ends(ordered: Floats) -> tuple[Codes, Codes] | None:
    """Where runs of equal values end, and the run of each value; None where all differ."""
    last = np.append(ordered[1:] > ordered[:-1], True)
    if last.all():
        return None
    return np.flatnonzero(last), np.cumsum(last) - last


def _before(counted: NDArray[np.bool_], ends: tuple[Codes, Codes] | None) -> Floats:
    """For each pair in order, how many of the ``counted`` come before it, ties counting half."""
    running = np.cumsum(counted, dtype=np.int32)
    if ends is None:
        return running - counted * 0.5
    at_end = running[ends[0]]
    middle: Floats = (at_end + np.append(0, at_end[:-1])) / 2
    return middle[ends[1]]


def _covariance(coded: list[NDArray[np.uint16]]) -> Floats:
    """Sample covariance between scorers of their placements."""
    n = coded[0].size
    means = np.array([float(row.mean()) for row in coded])
    total = np.zeros((len(coded), len(coded)))
    for at in range(0, n, _CHUNK):
        part = np.stack([row[at : at + _CHUNK] - mean for row, mean in zip(coded, means, strict=True)])
        total += part @ part.T
    return total / (n - 1) / _STEPS**2


def _between(influence: Floats) -> Floats:
    """Covariance of the figures from the influence of each content (scorers, contents)."""
    contents = influence.shape[1]
    return np.asarray(influence @ influence.T * (contents / (contents - 1)))
