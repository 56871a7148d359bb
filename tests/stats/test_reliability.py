"""Agreement of raters, against published worked examples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqabench.errors import UsageError
from iqabench.stats.reliability import (
    discrepancies,
    icc,
    inter_rater_plcc,
    krippendorff_alpha,
    mean_off_diagonal,
    noise_ceiling,
    sos_parameter,
    spearman_brown,
)

nan = math.nan
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Krippendorff (2011), "Computing Krippendorff's alpha-reliability", example D: four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
).T


def test_shrout_and_fleiss():
    # Shrout & Fleiss (1979), table 4.
    found = icc(SHROUT_FLEISS)
    assert [round(v, 2) for v in (*found.one_way, *found.agreement, *found.consistency)] == [
        0.17,
        0.44,
        0.29,
        0.62,
        0.71,
        0.91,
    ]
    assert (found.n, found.k) == (6, 4)
    with pytest.raises(UsageError):
        icc([[1, 2], [nan, 3]])


@pytest.mark.parametrize(
    ("measurement", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorffs_example(measurement, alpha):
    found = krippendorff_alpha(KRIPPENDORFF, measurement)
    assert round(found.value, 3) == alpha
    assert (found.n, found.total) == (40, 41)


@pytest.mark.parametrize("measurement", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_equals_the_krippendorff_package(measurement):
    package = pytest.importorskip("krippendorff", reason="krippendorff is not installed")
    votes = np.random.default_rng(0).integers(1, 6, (80, 5)).astype(float)
    votes[np.random.default_rng(1).random(votes.shape) < 0.2] = nan
    theirs = package.alpha(reliability_data=votes.T, level_of_measurement=measurement)
    assert krippendorff_alpha(votes, measurement).value == pytest.approx(theirs, abs=1e-12)


def test_icc_equals_pingouin():
    pingouin = pytest.importorskip("pingouin", reason="pingouin is not installed")
    pandas = pytest.importorskip("pandas")
    votes = np.random.default_rng(0).integers(1, 6, (40, 5)).astype(float)
    long = pandas.DataFrame({"j": np.repeat(np.arange(40), 5), "i": np.tile(np.arange(5), 40), "u": votes.ravel()})
    theirs = pingouin.intraclass_corr(long, targets="j", raters="i", ratings="u")["ICC"].to_numpy()
    ours = icc(votes)
    expected = [pair[k] for k in (0, 1) for pair in (ours.one_way, ours.agreement, ours.consistency)]
    np.testing.assert_allclose(theirs, expected, atol=1e-9)


def test_alpha_of_nothing():
    assert krippendorff_alpha([[1, nan], [nan, 2]]).reason == "no stimulus has two votes"
    assert krippendorff_alpha([[3, 3], [3, 3]]).reason == "all votes are the same"


def test_au_iqa_noise_ceiling():
    # Mean r of the five annotators .584: reliability .875, ceiling .936 (anchors, finding 7).
    assert round(spearman_brown(0.5843, 5), 3) == 0.875
    assert round(noise_ceiling(0.5843, 5), 3) == 0.936
    assert math.isnan(noise_ceiling(-0.2, 5))


def test_inter_rater_matrix():
    rng = np.random.default_rng(0)
    votes = rng.normal(size=(200, 1)) + rng.normal(size=(200, 3))
    found = inter_rater_plcc(votes)
    np.testing.assert_allclose(found, np.corrcoef(votes.T), atol=1e-12)
    assert mean_off_diagonal(found) == pytest.approx(0.5, abs=0.1)


def test_a_ceiling_is_reached_by_the_true_quality():
    rng = np.random.default_rng(0)
    quality = rng.normal(size=20_000)
    votes = quality[:, None] + rng.normal(size=(20_000, 5))
    ceiling = noise_ceiling(mean_off_diagonal(inter_rater_plcc(votes)), 5)
    assert np.corrcoef(quality, votes.mean(axis=1))[0, 1] == pytest.approx(ceiling, abs=0.005)


def test_sos():
    # Binomial votes on 1..5 have variance (MOS-1)(5-MOS)/4.
    rng = np.random.default_rng(0)
    share = rng.random(400)
    votes = 1 + rng.binomial(4, share[:, None], size=(400, 500))
    assert sos_parameter(votes, 1, 5) == pytest.approx(0.25, abs=0.01)


def test_discrepancies():
    found = discrepancies([[1, 5, 4, 4, 4], [3, 3, 3, 3, 3], [2, 5, nan, nan, nan]])
    assert [(d.stimulus, d.raters, d.distance) for d in found] == [(0, (0,), 4), (2, (0, 1), 3)]
