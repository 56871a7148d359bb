"""The cluster bootstrap is exact in every resample, reproducible, paired, and covers what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.errors import UsageError
from iqabench.stats.bootstrap import bootstrap_means, cluster_bootstrap, interval_from
from iqabench.stats.resampling import draw, leave_one_out, resample

PLAIN = {
    "plcc": lambda a, b: stats.pearsonr(a, b)[0],
    "srcc": lambda a, b: stats.spearmanr(a, b)[0],
    "krcc": lambda a, b: stats.kendalltau(a, b)[0],
    "rmse": lambda a, b: np.sqrt(((a - b) ** 2).mean()),
}


def clustered(rng, contents, per_content, icc, r=0.6):
    """Scores and opinions of correlation r, both parts with this intraclass correlation."""

    def noise():
        shared = rng.normal(size=contents).repeat(per_content)
        return math.sqrt(icc) * shared + math.sqrt(1 - icc) * rng.normal(size=contents * per_content)

    mos, other = noise(), noise()
    return r * mos + math.sqrt(1 - r * r) * other, mos, np.arange(contents).repeat(per_content)


@pytest.mark.parametrize("statistic", PLAIN)
def test_every_resample_is_what_the_plain_formula_gives(statistic):
    rng = np.random.default_rng(0)
    contents = rng.integers(0, 40, 300)
    mos = np.round(rng.normal(size=300), 1)
    scores = np.stack([mos + rng.normal(size=300), np.round(mos + rng.normal(size=300)), -mos], axis=1)
    counts = np.concatenate([draw(40, 10, seed=1), leave_one_out(40)[:3]])
    found = resample(statistic, scores, mos, contents, counts)
    for row, count in enumerate(counts):
        images = np.concatenate([np.flatnonzero(contents == c).repeat(int(k)) for c, k in enumerate(count)])
        for scorer in range(3):
            expected = PLAIN[statistic](scores[images, scorer], mos[images])
            assert found[row, scorer] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("statistic", ["plcc", "srcc", "krcc"])
def test_estimate_and_jackknife_come_with_it(statistic):
    scores, mos, contents = clustered(np.random.default_rng(0), 30, 4, 0.3)
    boot = cluster_bootstrap(statistic, scores, mos, contents, resamples=50)
    assert boot.estimate[0] == pytest.approx(PLAIN[statistic](scores, mos), abs=1e-6)
    kept = contents != 7
    assert boot.jackknife[7, 0] == pytest.approx(PLAIN[statistic](scores[kept], mos[kept]), abs=1e-6)


def test_a_seed_repeats_and_scorers_share_the_draws():
    scores, mos, contents = clustered(np.random.default_rng(0), 30, 4, 0.3)
    pair = np.stack([scores, scores], axis=1)
    first = cluster_bootstrap("srcc", pair, mos, contents, resamples=200, seed=5)
    again = cluster_bootstrap("srcc", pair, mos, contents, resamples=200, seed=5)
    other = cluster_bootstrap("srcc", pair, mos, contents, resamples=200, seed=6)
    np.testing.assert_array_equal(first.resampled, again.resampled)
    np.testing.assert_array_equal(first.resampled[:, 0], first.resampled[:, 1])
    assert not np.array_equal(first.resampled, other.resampled)
    assert first.difference(0, 1, method="percentile").low == 0


def test_a_missing_score_costs_its_own_scorer_alone():
    scores, mos, contents = clustered(np.random.default_rng(0), 30, 4, 0.3)
    holed = scores.copy()
    holed[3] = math.nan
    boot = cluster_bootstrap("plcc", np.stack([holed, scores], axis=1), mos, contents, resamples=20)
    assert boot.estimate[0] == pytest.approx(stats.pearsonr(np.delete(scores, 3), np.delete(mos, 3))[0])
    assert boot.estimate[1] == pytest.approx(stats.pearsonr(scores, mos)[0])


def test_independent_images_give_fishers_interval_and_scipys_bca():
    rng = np.random.default_rng(3)
    mos = rng.normal(size=400)
    scores = mos + rng.normal(size=400)
    boot = cluster_bootstrap("plcc", scores, mos, np.arange(400), resamples=4000)
    theirs = stats.bootstrap(
        (scores, mos), PLAIN["plcc"], paired=True, vectorized=False, n_resamples=1500, rng=rng, method="BCa"
    ).confidence_interval
    for interval in (boot.interval(0), boot.interval(0, method="percentile")):
        assert (interval.low, interval.high) == pytest.approx(tuple(theirs), abs=0.012)


def test_no_interval_without_ground_for_it():
    scores, mos, _ = clustered(np.random.default_rng(0), 5, 4, 0.3)
    few = cluster_bootstrap("plcc", scores, mos, np.arange(5).repeat(4), resamples=50).interval(0)
    assert math.isnan(few.low)
    assert "5 contents" in few.reason
    constant = cluster_bootstrap("srcc", np.ones(20), mos, np.arange(20), resamples=50)
    assert "does not exist" in constant.interval(0).reason
    with pytest.raises(UsageError, match="do not pair up"):
        cluster_bootstrap("plcc", scores, mos, [1, 2])


def test_bca_corrects_a_skewed_mean():
    rng = np.random.default_rng(0)
    values = rng.exponential(size=60)
    boot = bootstrap_means(values, resamples=4000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4000, rng=rng, method="BCa").confidence_interval
    ours = boot.interval(0)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.03)
    assert ours.low > boot.interval(0, method="percentile").low


def test_max_t_is_wider_than_one_test_and_finds_a_real_difference():
    rng = np.random.default_rng(0)
    mos = rng.normal(size=600)
    good, bad = mos + 0.5 * rng.normal(size=600), mos + 3 * rng.normal(size=600)
    like = mos + 0.5 * rng.normal(size=600)
    boot = cluster_bootstrap("plcc", np.stack([good, bad, like], axis=1), mos, np.arange(600) // 4, resamples=999)
    single, family = boot.p_values(), boot.max_t_p_values()
    assert single[0, 1] == family[0, 1] == 0.001
    assert family[0, 2] >= single[0, 2] > 0.01
    np.testing.assert_array_equal(family, family.T)


def test_fisher_mean_of_contents():
    boot = bootstrap_means(np.arctanh([0.5, 0.8, math.nan]), resamples=10, fisher_z=True)
    assert boot.estimate[0] == pytest.approx(math.tanh((math.atanh(0.5) + math.atanh(0.8)) / 2))


def test_undefined_resamples_are_counted():
    values = np.where(np.arange(1000) < 100, np.nan, 0.5)
    assert "100 resamples" in interval_from(0.5, values, np.full(20, 0.5)).reason


@pytest.mark.parametrize("icc", [0.0, 0.25, 0.5])
def test_short_coverage_simulation(icc):
    """A short one; docs/simulations/coverage.md holds the long one, 2,000 runs within 93.5..96.5 %."""
    rng = np.random.default_rng(11)
    hits = sum(
        0.6 in cluster_bootstrap("plcc", *clustered(rng, 150, 6, icc), resamples=600, seed=run).interval(0)
        for run in range(400)
    )
    # Three standard errors of a share of 400 around 95 %.
    assert 0.917 <= hits / 400 <= 0.983
