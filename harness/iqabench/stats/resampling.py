"""Statistics of many resamples of source contents at once.

A resample is a row of counts: how often each content was drawn. All images of a content come and go together,
so everything below works on counts, never on copies of images:

- PLCC and RMSE are sums a content, and one matrix product;
- KRCC is the quadratic form cᵀSc, S holding the concordant less the discordant pairs between two contents;
- SRCC needs ranks anew in every resample, which are cumulative counts in sorted order.

All are exact: each row gives what the plain formula would on the images written out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from iqabench.stats.pairs import Floats

T = TypeVar("T")
Statistic = Literal["plcc", "srcc", "krcc", "rmse"]
Counts = NDArray[np.float32]  # (resamples, contents)
Codes = NDArray[np.intp]  # (images,), the content of each image, from 0

_CHUNK = 600_000  # numbers at a time where every image in every resample needs one: near the cache


def draw(contents: int, resamples: int, seed: int) -> Counts:
    """``resamples`` bootstrap draws of ``contents`` out of ``contents``, as counts (resamples, contents)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(contents, np.full(contents, 1 / contents), size=resamples).astype(np.float32)


def leave_one_out(contents: int) -> Counts:
    """The jackknife as counts: all contents once, but for one."""
    return 1 - np.eye(contents, dtype=np.float32)


def resample(
    statistic: Statistic, scores: Floats, mos: Floats, contents: Codes, counts: Counts, *, free_parameters: int = 0
) -> Floats:
    """``statistic`` of each scorer in each resample (resamples, scorers); nan where it does not exist.

    ``scores`` is (images, scorers) and ``mos`` (images,), both finite and oriented; ``contents`` (images,) index
    the columns of ``counts``. ``free_parameters`` is d of RMSE's N-d.
    """
    if statistic == "plcc":
        return _plcc(scores, mos, contents, counts)
    if statistic == "rmse":
        return _rmse(scores, mos, contents, counts, free_parameters)
    order = np.argsort(contents, kind="stable")
    scores, mos, contents = scores[order], mos[order], contents[order]
    return (_srcc if statistic == "srcc" else _krcc)(scores, mos, contents, counts)


def _by_content(values: Floats, contents: Codes, width: int) -> Floats:
    """Sums of ``values`` (images, ...) over each content (contents, ...)."""
    sums: Floats = np.zeros((width, *values.shape[1:]))
    np.add.at(sums, contents, values)
    return sums


def _plcc(scores: Floats, mos: Floats, contents: Codes, counts: Counts) -> Floats:
    x = _standard(scores)
    y = _standard(mos[:, None])
    scorers = x.shape[1]
    parts = np.concatenate([np.ones_like(y), y, y * y, x, x * x, x * y], axis=1)
    sums = counts.astype(np.float64) @ _by_content(parts, contents, counts.shape[1])
    n, sy, syy = (sums[:, k : k + 1] for k in range(3))
    sx, sxx, sxy = (sums[:, 3 + k * scorers : 3 + (k + 1) * scorers] for k in range(3))
    return _ratio(sxy - sx * sy / n, sxx - sx * sx / n, syy - sy * sy / n, floor=1e-12 * n)


def _rmse(scores: Floats, mos: Floats, contents: Codes, counts: Counts, free: int) -> Floats:
    squares = np.concatenate([(scores - mos[:, None]) ** 2, np.ones((mos.size, 1))], axis=1)
    sums = counts.astype(np.float64) @ _by_content(squares, contents, counts.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[:, :-1] / (sums[:, -1:] - free)
    root: Floats = np.sqrt(np.where(mean >= 0, mean, np.nan))
    return root


def _standard(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _ratio(num: Floats, left: Floats, right: Floats, floor: Floats | float) -> Floats:
    exists = (left > floor) & (right > floor)
    norm = np.sqrt(np.where(exists, left, 1.0)) * np.sqrt(np.where(exists, right, 1.0))
    ratio: Floats = np.where(exists, np.clip(num / norm, -1.0, 1.0), np.nan)
    return ratio


class _Ties:
    """The groups of equal values of one variable, by content: how their sizes vary with the counts."""

    def __init__(self, values: Floats, contents: Codes, width: int) -> None:
        group, size = np.unique(values, return_inverse=True, return_counts=True)[1:]
        alone = size[group] == 1
        self.alone = np.bincount(contents[alone], minlength=width).astype(np.float32)
        tied = np.flatnonzero(size > 1)
        row = np.full(size.size, -1)
        row[tied] = np.arange(tied.size)
        self.tied = np.zeros((tied.size, width), dtype=np.float32)
        np.add.at(self.tied, (row[group[~alone]], contents[~alone]), 1.0)

    def power_sum(self, counts: Counts, powers: Counts, power: int) -> Floats:
        """Σ over groups of (size in the resample)^power (resamples,); ``powers`` are the counts to that power."""
        total = (powers @ self.alone).astype(np.float64)
        if self.tied.size:
            total += ((counts @ self.tied.T).astype(np.float64) ** power).sum(axis=1)
        return total


def _krcc(scores: Floats, mos: Floats, contents: Codes, counts: Counts) -> Floats:
    width = counts.shape[1]
    n = counts.astype(np.float64) @ np.bincount(contents, minlength=width)
    squares = counts * counts
    untied_y = (n * n - _Ties(mos, contents, width).power_sum(counts, squares, 2)) / 2
    out = np.empty((counts.shape[0], scores.shape[1]))
    for scorer, agreement in enumerate(_agreements(scores, mos, contents, width)):
        num = np.empty(counts.shape[0])
        for at in range(0, counts.shape[0], 2048):
            rows = counts[at : at + 2048]
            num[at : at + 2048] = np.einsum("rc,rc->r", rows @ agreement, rows, dtype=np.float64) / 2
        untied_x = (n * n - _Ties(scores[:, scorer], contents, width).power_sum(counts, squares, 2)) / 2
        out[:, scorer] = _ratio(num, untied_x, untied_y, floor=0.25)
    return out


def _agreements(scores: Floats, mos: Floats, contents: Codes, width: int) -> NDArray[np.float32]:
    """Σ sign(Δscore)·sign(ΔMOS) between the images of every two contents (scorers, contents, contents).

    ``contents`` are sorted. A block of contents at a time against all images keeps the n×n signs from ever
    existing at once.
    """
    present, starts = np.unique(contents, return_index=True)
    ends = np.append(starts[1:], contents.size)
    x, y = [_dense_ranks(column) for column in scores.T], _dense_ranks(mos)
    out = np.zeros((scores.shape[1], width, width), dtype=np.float32)
    edges, room = [0], max(1, 1_000_000 // contents.size)
    for index, end in enumerate(ends):
        if end - starts[edges[-1]] > room and index > edges[-1]:
            edges.append(index)
    edges.append(present.size)

    def block(index: int) -> None:
        first, last = edges[index], edges[index + 1]
        rows, within = slice(starts[first], ends[last - 1]), starts[first:last] - starts[first]
        of_mos = _signs(y, rows)
        for scorer, ranks in enumerate(x):
            signs = _signs(ranks, rows)
            signs *= of_mos
            half = np.add.reduceat(signs, within, axis=0, dtype=np.int32)
            out[scorer, present[first:last, None], present] = np.add.reduceat(half, starts, axis=1)

    for _ in _threaded(block, len(edges) - 1):
        pass
    return out


def _signs(ranks: NDArray[np.signedinteger], rows: slice) -> NDArray[np.int8]:
    """sign(ranks[i] - ranks[j]) for i in ``rows`` and all j."""
    signs: NDArray[np.int8] = (ranks[rows, None] > ranks).view(np.int8)
    signs -= (ranks[rows, None] < ranks).view(np.int8)
    return signs


def _dense_ranks(values: Floats) -> NDArray[np.signedinteger]:
    """Whole numbers in the order of ``values``, as small as they come."""
    ranks = np.unique(values, return_inverse=True)[1]
    return ranks.astype(np.int16 if ranks.max() < 2**15 else np.int32)


def _srcc(scores: Floats, mos: Floats, contents: Codes, counts: Counts) -> Floats:
    width = counts.shape[1]
    n = counts.astype(np.float64) @ np.bincount(contents, minlength=width)
    cube, cubes = n**3, counts * counts * counts
    spread_y = (cube - _Ties(mos, contents, width).power_sum(counts, cubes, 3)) / 12
    orders = [_Order(scores[:, scorer]) for scorer in range(scores.shape[1])]
    order_y = _Order(mos)
    out = np.empty((counts.shape[0], scores.shape[1]))
    size = max(32, min(2048, _CHUNK // mos.size))

    def chunk(index: int) -> None:
        rows = slice(index * size, min((index + 1) * size, counts.shape[0]))
        weights = np.ascontiguousarray(counts[rows].T)[contents]  # (images, resamples)
        ranks = order_y.ranks(weights) - ((n[rows] + 1) / 2).astype(np.float32)
        ranks *= weights
        for scorer, order in enumerate(orders):
            out[rows, scorer] = order.moment(weights, ranks)

    for _ in _threaded(chunk, -(-counts.shape[0] // size)):
        pass
    for scorer in range(scores.shape[1]):
        spread = (cube - _Ties(scores[:, scorer], contents, width).power_sum(counts, cubes, 3)) / 12
        out[:, scorer] = _ratio(out[:, scorer], spread, spread_y, floor=0.25)
    return out


class _Order:
    """The sorted order of one variable, and the mean ranks it gives under any counts."""

    def __init__(self, values: Floats) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        self.starts = np.flatnonzero(np.append(True, ordered[1:] > ordered[:-1]))
        self.tied = self.starts.size < values.size
        self.group = np.empty(values.size, dtype=np.intp)
        self.group[self.order] = np.repeat(np.arange(self.starts.size), np.diff(np.append(self.starts, values.size)))

    def ranks(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean ranks (images, resamples): those before, and half of those beside and the item itself."""
        grouped = self._grouped(weights)
        upto = grouped.copy()
        _accumulate(upto)
        upto -= grouped / 2
        upto += np.float32(0.5)
        return upto[self.group]

    def moment(self, weights: NDArray[np.float32], other: NDArray[np.float32]) -> Floats:
        """Σ rank · ``other`` over the images, for each resample; ``other`` sums to zero."""
        grouped = self._grouped(weights)
        upto = grouped.copy()
        _accumulate(upto)
        grouped *= np.float32(0.5)
        upto -= grouped
        upto -= upto[-1] / 2  # about the middle: smaller numbers, and a constant does not matter
        values = self._grouped(other)
        total: Floats = np.zeros(weights.shape[1])
        for at in range(0, upto.shape[0], 256):
            total += np.einsum("ir,ir->r", upto[at : at + 256], values[at : at + 256])
        return total

    def _grouped(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        ordered = values[self.order]
        return np.add.reduceat(ordered, self.starts, axis=0) if self.tied else ordered


def _accumulate(rows: NDArray[np.float32], block: int = 64) -> None:
    """Cumulative sum down the first axis, in place: within blocks all at once, then from block to block."""
    whole = rows.shape[0] // block * block
    blocks = rows[:whole].reshape(-1, block, rows.shape[1])
    for k in range(1, block):
        blocks[:, k] += blocks[:, k - 1]
    for k in range(1, blocks.shape[0]):
        blocks[k] += blocks[k - 1, -1]
    for k in range(max(whole, 1), rows.shape[0]):
        rows[k] += rows[k - 1]


def _threaded(work: Callable[[int], T], times: int) -> Iterator[T]:
    """``work(0..times-1)`` in order, on as many threads as there are cores: NumPy lets go of the lock."""
    with ThreadPoolExecutor(max(1, min(times, os.cpu_count() or 1))) as pool:
        yield from pool.map(work, range(times))
