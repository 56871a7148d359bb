"""From raw votes to opinions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqabench.errors import UsageError
from iqabench.stats.screening import against_the_others, bt500, sureal_bt500
from iqabench.stats.subjects import bt500_model, mos_model, p910_model, p913_model, small_panel_model
from iqabench.stats.votes import distribution_moments, plain_mos


def panel(rng, stimuli, spreads, biases=None, rounded=True):
    """Votes of raters with these inconsistencies, and the qualities behind them."""
    quality = rng.normal(3, 0.8, stimuli)
    spreads = np.asarray(spreads)
    bias = np.zeros(spreads.size) if biases is None else np.asarray(biases)
    votes = quality[:, None] + bias + spreads * rng.normal(size=(stimuli, spreads.size))
    return (np.clip(np.rint(votes), 1, 5) if rounded else votes), quality


def test_plain_mos():
    found = plain_mos([[1, 2, 3, math.nan], [4, math.nan, math.nan, math.nan], [2, 2, 4, 4]])
    assert found.mos.tolist() == pytest.approx([2, 4, 3])
    assert found.votes.tolist() == [3, 1, 4]
    assert found.sd[0] == 1
    assert found.ci[0] == pytest.approx(4.302652730 / math.sqrt(3))  # t(.975, 2)
    assert np.isnan([found.sd[1], found.ci[1]]).all()
    for bad in ([1, 2], [[math.inf, 1]]):
        with pytest.raises(UsageError):
            plain_mos(bad)


def test_counts():
    mean, sd = distribution_moments([[0, 1, 2, 1, 0]], [1, 2, 3, 4, 5])
    assert (mean[0], sd[0]) == (3, pytest.approx(np.std([2, 3, 3, 4], ddof=1)))


def test_bt500_cannot_reject_at_five_and_says_so():
    rng = np.random.default_rng(0)
    votes, _ = panel(rng, 300, [0.5, 0.5, 0.5, 0.5, 5.0])
    found = bt500(votes)
    assert found.rejected == ()
    assert not found.high.any()
    assert not found.low.any()
    assert "1.789" in found.notice
    assert "cannot reject" in found.notice
    assert bt500(np.tile(votes, 4)).notice == ""


def test_bt500_rejects_a_random_rater_among_many():
    rng = np.random.default_rng(0)
    votes, _ = panel(rng, 200, [0.4] * 24)
    votes[:, 7] = rng.integers(1, 6, 200)
    assert bt500(votes).rejected == (7,)
    assert bt500_model(votes).rejected == (7,)
    assert math.isnan(bt500_model(votes).bias[7])


def test_the_two_choices_of_bt500_matter():
    votes = np.full((4, 6), 3.0)
    votes[1:, :3], votes[1:, 3:] = 2, 4
    assert bt500(votes).rejected == ()
    # Counted, a unanimous stimulus is high and low for everyone.
    assert len(sureal_bt500(votes).rejected) == 6


def test_p913_removes_bias():
    votes, quality = panel(np.random.default_rng(0), 300, [0.3] * 12, np.linspace(-1, 1, 12), rounded=False)
    found = p913_model(votes)
    np.testing.assert_allclose(found.bias, np.linspace(-1, 1, 12), atol=0.1)
    assert np.corrcoef(found.mos, quality)[0, 1] > 0.98


def test_p910_collapses_at_five_and_says_so():
    rng = np.random.default_rng(1)
    notices = [p910_model(panel(rng, 400, [0.5, 0.7, 0.7, 0.9, 1.1])[0]).notice for _ in range(10)]
    assert any("collapsed" in notice for notice in notices)
    assert all(notices)
    assert p910_model(panel(rng, 400, [0.7] * 24)[0]).notice == ""


def test_the_small_panel_model_does_not_collapse_and_beats_the_mean():
    rng = np.random.default_rng(2)
    wins = 0
    for _ in range(60):
        votes, quality = panel(rng, 400, rng.uniform(0.3, 1.4, 5), rng.normal(0, 0.3, 5))
        found = small_panel_model(votes)
        assert found.inconsistency.min() > 0.15 * np.median(found.inconsistency)
        assert found.rounds < 2000
        ours, plain = (np.corrcoef(m, quality)[0, 1] for m in (found.mos, mos_model(votes).mos))
        wins += ours > plain
        assert ours > plain - 0.01
    assert wins >= 54


def test_the_small_panel_model_finds_bias_spread_and_uncertainty():
    spreads, biases = np.array([0.4, 0.6, 0.8, 1.0, 1.2]), np.array([-0.4, -0.2, 0, 0.2, 0.4])
    votes, quality = panel(np.random.default_rng(3), 4800, spreads, biases, rounded=False)
    votes[np.random.default_rng(4).random(votes.shape) < 0.2] = math.nan
    found = small_panel_model(votes)
    np.testing.assert_allclose(found.inconsistency, spreads, rtol=0.05)
    np.testing.assert_allclose(found.bias, biases, atol=0.05)
    inside = np.abs(found.mos - quality) < found.ci()
    assert 0.93 < inside[np.isfinite(found.mos)].mean() < 0.97
    with pytest.raises(UsageError, match="2 raters"):
        small_panel_model(votes[:, :2])


def test_raters_against_the_others():
    rng = np.random.default_rng(0)
    votes, _ = panel(rng, 300, [0.4] * 5, [0, 0, 0, 0, 1])
    votes[:, 2] = 3
    found = against_the_others(votes)
    assert math.isnan(found.plcc[2])
    assert found.levels[2] == 1
    assert found.plcc[0] > 0.5
    assert found.bias[4] == pytest.approx(0.8, abs=0.3)
