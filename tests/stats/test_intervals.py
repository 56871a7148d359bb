"""Closed-form intervals against scipy and hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.stats.intervals import bonett_wright, fieller, fisher, kendall, mos_half_width


def test_fisher_equals_scipy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    theirs = stats.pearsonr(x, y).confidence_interval(0.9)
    ours = fisher(float(stats.pearsonr(x, y)[0]), 50, 0.9)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs))


def test_spearman_and_kendall_widths():
    for interval, variance in (
        (bonett_wright(0.6, 103), (1 + 0.18) / 100),
        (fieller(0.6, 103), 1.06 / 100),
        (kendall(0.6, 104), 0.437 / 100),
    ):
        half = 1.959963984540054 * math.sqrt(variance)
        assert interval.low == pytest.approx(math.tanh(math.atanh(0.6) - half))
        assert interval.high == pytest.approx(math.tanh(math.atanh(0.6) + half))
        assert 0.6 in interval


def test_bounds_say_why_they_are_missing():
    assert "at least 4" in fisher(0.5, 3).reason
    assert "no correlation" in fisher(math.nan, 30).reason
    assert (fisher(1.0, 30).low, fisher(1.0, 30).high) == (1.0, 1.0)


def test_opinion_of_five_raters():
    # P.1401: t(0.975, 4) = 2.776, so 1.24 s for five votes.
    assert mos_half_width(1.0, 5) == pytest.approx(2.7764451 / math.sqrt(5))
    assert math.isnan(mos_half_width(1.0, 1))
