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
        told = f"{different} of {apart.size} pairs {'differs' if different == 1 else 'differ'} for people"
        raise UsageError(f"{told}: there is nothing to separate.")
    pairs = _Pairs(first, second, apart, codes, int(codes.max()) + 1)
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
    codes: Codes
    contents: int

    def judge(self, scores: Floats) -> _Found:
        """One sort of |Δscore| orders all that the three figures need; the rest is counting, in whole numbers."""
        delta = scores[self.second] - scores[self.first]
        size = np.abs(delta)
        order = _ascending(size)
        ties = _ties(size[order])
        signs = np.sign(delta).astype(np.int8)
        apart, sign = self.apart[order], signs[order]
        close, right, wrong = ~apart, apart & (sign > 0), apart & (sign < 0)
        rights, different = int(right.sum()), int(apart.sum())
        levels, alike = different - rights - int(wrong.sum()), apart.size - different
        # Of a pair that differs, the share of close pairs below it; of a close one, of those that differ above it.
        below, above = _twice_before(close, ties), _twice_before(apart, ties)
        auc_ds = int(below[apart].sum(dtype=np.int64)) / (2 * different * alike)
        placed = np.where(apart, _share(below, 2 * alike), 1 - _share(above, 2 * different))
        # P(B > -B'): a right b beats -B' for all right B', the level ones and the wrong ones smaller than it.
        better = np.where(
            right, 2 * (rights + levels) + _twice_before(wrong, ties), 2 * rights - _twice_before(right, ties)
        )
        better[apart & (sign == 0)] = 2 * rights + levels
        auc_bw = int(better[apart].sum(dtype=np.int64)) / (2 * different * different)
        c0 = rights / different
        # Back in the order of the pairs, where each image's own lie together.
        back = np.empty(apart.size, dtype=np.float32)
        back[order] = placed
        share = np.where(self.apart, np.float32(1 / different), np.float32(1 / alike))
        of_ds = self._by_content((back - np.float32(auc_ds)) * share)
        of_apart, of_close = _coded(back[self.apart]), _coded(back[~self.apart])
        back[order] = _share(better, 2 * different)
        of_bw = self._by_content(np.where(self.apart, back - np.float32(auc_bw), np.float32(0)))
        of_c0 = self._by_content((self.apart & (signs > 0)) - np.float32(c0) * self.apart)
        influence = (of_ds, of_bw * (2 / different), of_c0 / different)
        return _Found((auc_ds, auc_bw, c0), influence, of_apart, of_close, _coded(back[self.apart]))

    def _by_content(self, parts: NDArray[np.floating]) -> Floats:
        """The sum of each content's pairs (contents,): a pair is both its images'."""
        weights = np.asarray(parts, dtype=np.float64)
        images = np.bincount(self.first, weights, self.codes.size) + np.bincount(self.second, weights, self.codes.size)
        return np.asarray(np.bincount(self.codes, images, self.contents), dtype=np.float64)


def _ascending(size: Floats) -> Codes:
    """The order of ``size``, all ≥ 0.

    The upper bits of a number and its place are sorted as one integer, which is several times faster than to sort
    places by numbers. What those bits do not tell apart is put in order afterwards.
    """
    places = max(1, (size.size - 1).bit_length())
    keys = (size.view(np.int64) >> places) << places
    keys |= np.arange(size.size)
    keys.sort()
    order = keys & ((1 << places) - 1)
    ordered = size[order]
    falls = np.flatnonzero(ordered[1:] < ordered[:-1])
    if falls.size:
        keys >>= places
        start, end = np.searchsorted(keys, keys[falls], "left"), np.searchsorted(keys, keys[falls], "right")
        start, first = np.unique(start, return_index=True)
        length = end[first] - start
        if length.sum() > size.size // 8:
            return np.argsort(size, kind="stable")
        run = np.repeat(np.arange(start.size), length)
        at = np.arange(length.sum()) + np.repeat(start - np.append(0, np.cumsum(length)[:-1]), length)
        order[at] = order[at][np.lexsort((ordered[at], run))]
    return order


def _ties(ordered: Floats) -> tuple[Codes, Codes, Codes] | None:
    """The places of values that have equals, where each one's run ends, and where the run before it does (-1: none);
    None where all differ."""
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return None
    last = np.append(~same, True)
    places = np.flatnonzero(np.append(False, same) | ~last)
    ends = np.flatnonzero(last)
    run = np.searchsorted(ends, places)
    return places, ends[run], np.where(run > 0, ends[run - 1], -1)


def _twice_before(counted: NDArray[np.bool_], ties: tuple[Codes, Codes, Codes] | None) -> NDArray[np.int32]:
    """Twice the number of the ``counted`` that come before each pair in order, ties counting half."""
    running = np.cumsum(counted, dtype=np.int32)
    twice = 2 * running
    twice -= counted
    if ties is not None:
        places, end, before = ties
        twice[places] = running[end] + np.where(before < 0, 0, running[before])
    return twice


def _share(counts: NDArray[np.int32], of: int) -> NDArray[np.float32]:
    share: NDArray[np.float32] = np.multiply(counts, np.float32(1 / of), dtype=np.float32)
    return share


def _coded(shares: NDArray[np.float32]) -> NDArray[np.uint16]:
    coded: NDArray[np.uint16] = np.rint(shares * np.float32(_STEPS)).astype(np.uint16)
    return coded


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
