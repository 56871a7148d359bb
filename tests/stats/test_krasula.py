"""Krasula's analysis and DeLong's covariance, against published examples and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from iqabench.errors import UsageError
from iqabench.stats.auc import delong
from iqabench.stats.krasula import _ascending, krasula_analysis

# DeLong, DeLong and Clarke-Pearson (1988), as in SAS/STAT's LOGISTIC example: albumin, total protein, K-G score,
# and whether the patient's post-operative survival was good.
OVARIAN = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1 3.8 5.7 5 1
3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1 4.2 7.6 4 0
4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1
4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1
2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""


def test_delongs_example():
    data = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    scores = np.stack([10 - data[:, 2], data[:, 0], data[:, 1]])
    good = data[:, 3] == 1
    found = delong(scores[:, good], scores[:, ~good])
    # SAS prints areas .7258, .7366, .6478 with standard errors .1028, .0927, .1000.
    assert np.round(found.value, 4).tolist() == [0.7258, 0.7366, 0.6478]
    assert np.round(np.sqrt(np.diag(found.covariance)), 4).tolist() == [0.1028, 0.0927, 0.1]
    albumin, protein = found.test(1, 0), found.test(2, 0)
    # ... and chi-square 0.0127 (p .9102) for albumin, 0.5554 (p .4561) for total protein, against K-G.
    assert (round(albumin.statistic**2, 4), round(albumin.p, 4)) == (0.0127, 0.9102)
    assert (round(protein.statistic**2, 4), round(protein.p, 4)) == (0.5554, 0.4561)


def test_vmafs_golden_values():
    # perf_metric_test.py: both orders of all pairs, |z| > 2.
    votes = np.random.RandomState(1).normal(0, 1.0, [4, 10]) + np.arange(1, 5)[:, None]
    mean, error = votes.mean(axis=1), votes.var(axis=1, ddof=1) / 10
    z = ((mean[:, None] - mean) / np.sqrt(error[:, None] + error)).ravel()
    scores = np.array([[1, 2, 3, 4], [3, 1, 2, 4]], dtype=float)
    delta = (scores[:, :, None] - scores[:, None, :]).reshape(2, -1)
    apart = np.abs(z) > 2
    ds = delong(np.abs(delta[:, apart]), np.abs(delta[:, ~apart]))
    better = delta[:, apart] * np.sign(z[apart])
    bw = delong(better, -better)
    assert ds.value.tolist() == pytest.approx([0.9375, 0.6250], abs=1e-6)
    assert bw.value.tolist() == pytest.approx([1.0, 0.8125], abs=1e-6)
    assert (better > 0).mean(axis=1).tolist() == pytest.approx([1.0, 0.75], abs=1e-6)
    assert ds.test(0, 1).p == pytest.approx(0.02746864, abs=1e-6)
    assert bw.test(0, 1).p == pytest.approx(0.06136883, abs=1e-6)


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    mos = rng.normal(3, 1, 60)
    scores = np.stack([np.round(mos + rng.normal(size=60), 1), mos + 2 * rng.normal(size=60)], axis=1)
    return scores, mos, 0.5 + rng.random(60)


def test_all_pairs_equal_the_plain_formulas(study):
    scores, mos, sd = study
    found = krasula_analysis(scores, mos, sd, 5)
    i, j = np.triu_indices(60, 1)
    swap = np.sign(mos[j] - mos[i])
    delta = ((scores[j] - scores[i]) * swap[:, None]).T
    apart = np.abs(mos[i] - mos[j]) / np.sqrt((sd[i] ** 2 + sd[j] ** 2) / 5) > 1.96
    ds = delong(np.abs(delta[:, apart]), np.abs(delta[:, ~apart]))
    bw = delong(delta[:, apart], -delta[:, apart])
    np.testing.assert_allclose(found.ds.value, ds.value, atol=1e-12)
    np.testing.assert_allclose(found.bw.value, bw.value, atol=1e-12)
    np.testing.assert_allclose(found.c0.value, (delta[:, apart] > 0).mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.ds_delong.covariance, ds.covariance, rtol=1e-3)
    np.testing.assert_allclose(found.bw_delong.covariance, bw.covariance, rtol=1e-3)
    assert (found.different, found.pairs) == (apart.sum(), 1770)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e200])
def test_the_order_of_differences_is_exact(scale):
    rng = np.random.default_rng(3)
    near = 0.1 + rng.integers(0, 9, 400) * 2.0**-56  # apart in the last bits alone
    for size in (
        rng.random(5000),
        near,
        np.append(near, rng.random(9000)),
        np.zeros(7),
        np.array([2.0]),
        np.round(near, 1),
    ):
        order = _ascending(size * scale)
        np.testing.assert_array_equal((size * scale)[order], np.sort(size * scale))
        assert np.unique(order).size == size.size


def test_the_content_covariance_is_what_resampling_images_shows(study):
    scores, mos, sd = study
    found = krasula_analysis(scores, mos, sd, 5)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(250):
        rows = rng.integers(0, 60, 60)
        again = krasula_analysis(scores[rows], mos[rows], sd[rows], 5)
        drawn.append([again.ds.value, again.bw.value, again.c0.value])
    spread = np.std(drawn, axis=0)
    for row, joint in zip(spread, (found.ds, found.bw, found.c0), strict=True):
        np.testing.assert_allclose(np.sqrt(np.diag(joint.covariance)), row, rtol=0.25)
    # DeLong takes 1,770 pairs of 60 images for independent.
    assert (np.diag(found.ds_delong.covariance) < np.diag(found.ds.covariance) / 3).all()


def test_what_cannot_be_analysed(study):
    scores, mos, sd = study
    with pytest.raises(UsageError, match="0 of 1770 pairs differ"):
        krasula_analysis(scores, mos, sd + 100, 5)
    with pytest.raises(UsageError, match="finite"):
        krasula_analysis(scores, np.where(mos > 4, np.nan, mos), sd, 5)
