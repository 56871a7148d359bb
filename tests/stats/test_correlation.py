"""Correlations and errors: the definitions, the direction, and what happens where there is nothing to say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.errors import UsageError
from iqabench.stats.correlation import krcc, mae, outlier_ratio, outlier_ratio_sd, plcc, rmse, rmse_star, srcc
from iqabench.stats.pairs import merge_near_ties


@pytest.fixture
def ratings():
    rng = np.random.default_rng(7)
    mos = np.round(rng.normal(3, 1, 300), 1)
    return mos + rng.normal(0, 1, 300), mos


@pytest.mark.parametrize(
    ("ours", "scipys"),
    [(plcc, stats.pearsonr), (srcc, stats.spearmanr), (krcc, stats.kendalltau)],
)
def test_equals_scipy_with_ties(ratings, ours, scipys):
    scores, mos = ratings
    scores = np.round(scores, 1)
    assert ours(scores, mos).value == pytest.approx(scipys(scores, mos)[0], abs=1e-12)


def test_vmaf_worked_examples():
    # VMAF's perf_metric_test.py.
    assert srcc([1, 2, 5, 3], [1, 2, 3, 4]).value == pytest.approx(0.8, abs=1e-12)
    assert krcc([1, 2, 5, 3], [1, 2, 3, 4]).value == pytest.approx(0.6666666666666666, abs=1e-12)
    assert plcc([1, 2, 3, 5], [1, 2, 3, 4]).value == pytest.approx(0.98270762982399085, abs=1e-12)
    assert rmse([1, 2, 3, 5], [1, 2, 3, 4]).value == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("statistic", [plcc, srcc, krcc])
def test_the_declared_direction_orients_and_the_sign_stays(ratings, statistic):
    scores, mos = ratings
    good = statistic(scores, mos).value
    assert good > 0.4
    assert statistic(-scores, mos, higher_is_better=False).value == pytest.approx(good)
    assert statistic(scores, -mos, mos_higher_is_better=False).value == pytest.approx(good)
    assert statistic(-scores, mos).value == pytest.approx(-good)


@pytest.mark.parametrize("statistic", [plcc, srcc, krcc])
@pytest.mark.parametrize(
    ("scores", "mos", "reason"),
    [
        ([1, 1, 1, 1], [1, 2, 3, 4], "the scores are constant"),
        ([1, 2, 3, 4], [2, 2, 2, 2], "the opinions are constant"),
        ([1, 2], [1, 2], "n=2"),
        ([math.nan] * 4, [1, 2, 3, 4], "n=0"),
        ([0.1 + 1e-17, 0.1, 0.1 + 2e-17, 0.1], [1, 2, 3, 4], "the scores are constant"),
    ],
)
def test_where_no_correlation_exists_it_is_nan_with_a_reason(statistic, scores, mos, reason):
    estimate = statistic(scores, mos)
    assert math.isnan(estimate.value)
    assert not estimate.exists
    assert reason in estimate.reason


def test_what_is_missing_shows_in_n():
    estimate = srcc([1, 2, math.nan, 4, 5], [1, 2, 3, math.inf, 5])
    assert (estimate.n, estimate.total, estimate.value) == (3, 5, 1.0)


def test_unpaired_input_is_refused():
    with pytest.raises(UsageError, match="3 scores but 2 opinions"):
        plcc([1, 2, 3], [1, 2])


def test_two_equal_formulas_on_half_precision_logits_give_one_srcc():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (20_000, 2)).astype(np.float16).astype(np.float64)
    mos = logits[:, 0] - logits[:, 1] + rng.normal(0, 2, 20_000)
    a, b = np.exp(logits.T)
    by_softmax, by_sigmoid = a / (a + b), 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))
    assert stats.spearmanr(by_softmax, mos)[0] != stats.spearmanr(by_sigmoid, mos)[0]
    assert srcc(by_softmax, mos).value == srcc(by_sigmoid, mos).value
    assert srcc(by_softmax, mos).value == pytest.approx(stats.spearmanr(logits[:, 0] - logits[:, 1], mos)[0], abs=1e-7)


def test_near_ties_merge_but_a_dense_scale_does_not():
    assert np.unique(merge_near_ties(np.array([1, 1 + 1e-15, 2.0]), 1e-12)).size == 2
    dense = 1 + np.arange(1000) * 0.5e-12
    assert np.unique(merge_near_ties(dense, 1e-12)).size == 1000


def test_extreme_units_neither_overflow_nor_vanish():
    x = np.array([1.0, 2, 3, 5])
    for unit in (1e-200, 1e200):
        assert plcc(x * unit, x).value == pytest.approx(1.0)


def test_errors():
    predicted, mos, ci = [1.0, 2.0, 3.0, 6.0], [1.5, 2.0, 3.0, 4.0], [0.25, 0.25, 0.25, 0.5]
    assert rmse(predicted, mos).value == pytest.approx(math.sqrt(4.25 / 4))
    assert rmse(predicted, mos, free_parameters=2).value == pytest.approx(math.sqrt(4.25 / 2))
    assert rmse_star(predicted, mos, ci).value == pytest.approx(math.sqrt((0.25**2 + 1.5**2) / 4))
    assert mae(predicted, mos).value == pytest.approx(2.5 / 4)
    assert outlier_ratio(predicted, mos, ci).value == 0.5
    assert outlier_ratio_sd(0.5, 4) == 0.25
    assert "4 free parameters" in rmse(predicted, mos, free_parameters=4).reason
