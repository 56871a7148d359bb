"""Tests between scorers, against published worked examples and printed output of R's cocor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.stats.significance import (
    f_test,
    holm,
    holm_pairs,
    kurtosis_is_normal,
    meng,
    morgan_pitman,
    steiger,
    steiger_matrix,
    two_independent,
    williams,
    zou,
    zou_independent,
)


def test_steigers_case_a():
    # Steiger (1980), n=103, r=.4 and .5, r23=.1: T2 = -.89 on 100 df, p < .37; Z1* = -.89.
    t = williams(0.4, 0.5, 0.1, 103)
    assert (round(t.statistic, 2), t.df) == (-0.89, 100)
    assert t.p == pytest.approx(0.375, abs=5e-4)
    assert round(steiger(0.4, 0.5, 0.1, 103).statistic, 2) == -0.89


def test_zous_examples():
    # Zou (2007): overlapping r = .396, .179, .088, n = 66: (-.093, .517).
    interval = zou(0.396, 0.179, 0.088, 66)
    assert (round(interval.low, 3), round(interval.high, 3)) == (-0.093, 0.517)


@pytest.mark.parametrize(
    ("r12", "r13", "r23", "n", "z"),
    [(0.0228, 0.3522, 0.3718, 553, -7.1345), (0.2493, 0.3395, 0.4082, 553, -2.0660)],
)
def test_cocor_steiger(r12, r13, r23, n, z):
    # cocor prints r to four digits, which leaves z three.
    assert steiger(r12, r13, r23, n).statistic == pytest.approx(z, abs=1e-3)


def test_cocor_all_tests_of_one_comparison():
    # cocor's printed output for r.jk = -0.1741, r.jh = 0.2015, r.kh = 0.3734, n = 646.
    r = (-0.1741, 0.2015, 0.3734, 646)
    assert steiger(*r).statistic == pytest.approx(-8.6124, abs=2e-3)
    assert williams(*r).statistic == pytest.approx(-9.0340, abs=2e-3)
    assert meng(*r).statistic == pytest.approx(-8.5080, abs=2e-3)
    assert williams(*r).df == 643
    interval = zou(*r)
    assert (interval.low, interval.high) == pytest.approx((-0.4568, -0.2921), abs=1e-4)


@pytest.mark.parametrize(
    ("r1", "n1", "r2", "n2", "z", "p", "low", "high"),
    [
        (0.6, 20, 0.8, 25, -1.2556, 0.2093, -0.6005, 0.1055),
        (0.60, 2700, 0.65, 2700, -3.0168, 0.0026, -0.0826, -0.0175),
    ],
)
def test_cocor_independent(r1, n1, r2, n2, z, p, low, high):
    test, interval = two_independent(r1, n1, r2, n2), zou_independent(r1, n1, r2, n2)
    assert (round(test.statistic, 4), round(test.p, 4)) == (z, p)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_williams_of_brucer():
    # bruceR's documentation: r = .20 and .45, r23 = .80, n = 100: t(97) = -4.56, p = 1e-05.
    test = williams(0.20, 0.45, 0.80, 100)
    assert (round(test.statistic, 2), test.df) == (-4.56, 97)
    assert test.p == pytest.approx(1e-5, rel=0.5)


def test_dependent_tests_hold_their_level():
    rng = np.random.default_rng(0)
    hits = {steiger: 0, williams: 0, meng: 0}
    for _ in range(2000):
        mos = rng.normal(size=100)
        common = rng.normal(size=100)
        a, b = (mos + common + rng.normal(size=100) for _ in range(2))
        r = np.corrcoef([mos, a, b])
        for test in hits:
            hits[test] += test(r[0, 1], r[0, 2], r[1, 2], 100).p < 0.05
    assert all(0.036 <= count / 2000 <= 0.066 for count in hits.values()), hits


def test_impossible_comparisons_say_so():
    for test in (steiger, williams, meng):
        assert math.isnan(test(0.5, 0.4, 1.0, 50).p)
        assert "at least 4" in test(0.5, 0.4, 0.3, 3).reason
    assert math.isnan(steiger(math.nan, 0.4, 0.3, 50).p)


def test_f_test_equals_the_distribution():
    test = f_test(0.5, 100, 0.4, 100, free1=4, free2=4)
    assert test.statistic == pytest.approx(1.5625)
    assert test.p == pytest.approx(2 * stats.f.sf(1.5625, 96, 96))
    assert f_test(0.4, 100, 0.5, 100).p == pytest.approx(f_test(0.5, 100, 0.4, 100).p)
    assert f_test(0.4, 4, 0.5, 4, free1=4, free2=4).reason


def test_morgan_pitman_sees_what_pairing_hides_from_f():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=200)
    e1, e2 = 1.15 * shared + 0.1 * rng.normal(size=200), shared + 0.1 * rng.normal(size=200)
    paired = morgan_pitman(e1, e2)
    assert paired.statistic > 0
    assert paired.p < 1e-6 < 0.05 < f_test(e1.std(), 200, e2.std(), 200).p
    assert morgan_pitman(e2, e1).statistic == pytest.approx(-paired.statistic)
    assert morgan_pitman(e1, e1).reason


def test_kurtosis():
    rng = np.random.default_rng(0)
    assert kurtosis_is_normal(rng.normal(size=5000))
    assert not kurtosis_is_normal(rng.standard_t(3, size=5000))


def test_holm():
    # Holm (1979) by hand: .01·3, max(.03, .02·2), max(.04, .04·1).
    assert holm([0.04, 0.01, 0.02]).tolist() == pytest.approx([0.04, 0.03, 0.04])
    adjusted = holm([0.04, math.nan, 0.01])
    assert adjusted[0] == pytest.approx(0.04)
    assert math.isnan(adjusted[1])
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    p = np.random.default_rng(0).random(20) ** 2
    np.testing.assert_allclose(holm(p), multitest.multipletests(p, method="holm")[1])


def test_matrices_of_p_values():
    rng = np.random.default_rng(0)
    mos = rng.normal(size=200)
    scores = np.stack([mos + rng.normal(size=200) * s for s in (0.3, 0.3, 3)], axis=1)
    p = steiger_matrix(scores, mos)
    np.testing.assert_array_equal(p, p.T)
    assert p[0, 1] > 0.01 > p[0, 2]
    np.testing.assert_allclose(holm_pairs(p)[0, 1:], [holm([p[0, 1], p[0, 2], p[1, 2]])[0], holm_pairs(p)[0, 2]])
