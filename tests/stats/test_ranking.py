"""Orders, their letters and intervals, and averages of correlations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.stats.ranking import (
    best_marks,
    borda,
    compact_letters,
    mean_correlation,
    mean_ranks,
    rank_intervals,
    rank_intervals_from_p,
    ranks,
    within_content,
)


def test_letters_are_shared_exactly_where_nothing_differs():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.random(8)
        p = np.where(np.abs(values[:, None] - values) + 0.1 * rng.random((8, 8)) > 0.4, 0.01, 0.5)
        p = np.minimum(p, p.T)
        letters = compact_letters(values, p)
        for a in range(8):
            for b in range(a + 1, 8):
                assert bool(set(letters[a]) & set(letters[b])) == (p[a, b] >= 0.05)
        assert "a" in letters[int(values.argmax())]


def test_letters_of_a_chain():
    # Best and worst differ, the middle one from neither: a, ab, b.
    p = np.array([[1, 0.3, 0.01], [0.3, 1, 0.3], [0.01, 0.3, 1]])
    assert compact_letters([0.9, 0.8, 0.7], p) == ["a", "ab", "b"]
    assert rank_intervals_from_p([0.9, 0.8, 0.7], p)[1].low == 1
    assert [i.high for i in rank_intervals_from_p([0.9, 0.8, 0.7], p)] == [2, 3, 3]


def test_rank_intervals():
    rng = np.random.default_rng(0)
    resampled = np.array([0.9, 0.5, 0.5]) + 0.01 * rng.normal(size=(500, 3))
    found = rank_intervals([0.9, 0.5, 0.501], resampled)
    assert [(i.rank, i.low, i.high) for i in found] == [(1, 1, 1), (3, 2, 3), (2, 2, 3)]


def test_ranks_and_aggregates():
    assert ranks([0.5, math.nan, 0.9, 0.5]).tolist()[2] == 1
    table = [[0.9, 0.8], [0.5, math.nan], [0.7, 0.9]]
    assert mean_ranks(table).tolist() == [1.5, 3, 1.5]
    assert borda(table).tolist() == [3, 0, 3]


def test_correlations_average_through_z():
    estimate = mean_correlation([0.5, 0.9, math.nan])
    assert estimate.value == pytest.approx(math.tanh((math.atanh(0.5) + math.atanh(0.9)) / 2))
    assert (estimate.n, estimate.total) == (2, 3)
    assert mean_correlation([math.nan]).reason
    assert mean_correlation([0.2, 0.6], weights=[1, 0]).value == pytest.approx(0.2)


def test_within_content():
    rng = np.random.default_rng(0)
    contents = rng.integers(0, 20, 200)
    mos = np.round(rng.normal(size=200), 1) + contents
    scores = mos + rng.normal(size=200) - 3 * contents  # right inside a content, wrong between contents
    scores[5] = math.nan
    found = within_content(scores, mos, contents)
    assert stats.spearmanr(scores, mos, nan_policy="omit")[0] < 0
    assert found.estimate.value > 0.4
    for name, value in zip(found.contents, found.values, strict=True):
        rows = (contents == name) & np.isfinite(scores)
        assert value == pytest.approx(stats.spearmanr(scores[rows], mos[rows])[0])
    kendall = within_content(scores, mos, contents, statistic="krcc")
    rows = (contents == 3) & np.isfinite(scores)
    assert kendall.values[3] == pytest.approx(stats.kendalltau(scores[rows], mos[rows])[0])


def test_within_content_of_perfect_and_of_lone_versions():
    found = within_content([1, 2, 3, 4, 1, 2, 9], [1, 2, 3, 4, 2, 1, 9], [0, 0, 0, 0, 1, 1, 2])
    assert found.values.tolist()[0] == 1
    assert found.estimate.value == pytest.approx(1 - 6 / 60)
    assert (found.estimate.n, found.estimate.total) == (1, 3)
    assert (found.best_chosen.value, found.best_chosen.n) == (0.5, 2)


def test_marks():
    marks = best_marks([0.7961, 0.72, math.nan, 0.71], ["ugc", "aigc", "aigc", "aigc"])
    assert marks == ["best", "group", "", ""]
