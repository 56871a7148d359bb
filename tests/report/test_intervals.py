"""How sure a figure is: intervals, ranks, and the letters that two scorers share."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from iqabench.errors import UsageError
from iqabench.report.conclusions import conclude
from iqabench.report.groups import groups

from .by_hand import one, plain, rows, spread


def test_letters_and_rank_intervals_tell_the_clear_from_the_unclear():
    rng = np.random.default_rng(3)
    quality = rng.normal(size=400)
    same = rng.normal(size=400)
    scores = {"best": quality + 0.2 * rng.normal(size=400), "x": quality + same, "y": quality + rng.normal(size=400)}
    images = plain(quality, scores, contents=np.repeat(np.arange(100), 4))
    found = conclude(images, groups(images), metrics=["srcc"], resamples=500)
    letters = dict(zip(found.table["scorer"], found.table["letters"], strict=True))
    assert letters == {"best": "a", "x": "b", "y": "b"}
    low, high = (dict(zip(found.table["scorer"], found.table[name], strict=True)) for name in ("rank_low", "rank_high"))
    assert (low["best"], high["best"]) == (1, 1)
    assert (low["x"], high["x"]) == (2, 3)


def test_intervals_know_of_shared_photos():
    rng = np.random.default_rng(4)
    photo = np.repeat(np.arange(40), 12)
    taste, flaw = rng.normal(size=40)[photo], rng.normal(size=40)[photo]
    scores = {"s": taste + flaw + 0.1 * rng.normal(size=480)}
    width = {}
    for name, contents in (("shared", photo), ("alone", None)):
        images = plain(taste, scores, contents=contents)
        row = one(conclude(images, groups(images), metrics=["plcc"], resamples=1000))
        width[name] = row["high"] - row["low"]
        assert row["low"] < row["value"] < row["high"]
    assert width["shared"] > 2 * width["alone"]


def test_closed_intervals_are_the_textbook_ones_and_need_independent_images():
    rng = np.random.default_rng(5)
    quality = rng.normal(size=103)
    images = plain(quality, {"s": quality + rng.normal(size=103), "t": rng.normal(size=103)})
    found = conclude(images, groups(images), metrics=["plcc", "srcc"], intervals="closed")
    row = one(found, metric="plcc", scorer="s")
    z = math.atanh(row["value"])
    half = stats.norm.ppf(0.975) / 10
    assert (row["low"], row["high"]) == pytest.approx((math.tanh(z - half), math.tanh(z + half)))
    assert list(rows(found, metric="plcc")["letters"]) == ["a", "b"]
    shared = plain(quality, images.scores, contents=np.arange(103) // 2)
    with pytest.raises(UsageError, match="independent images"):
        conclude(shared, groups(shared), intervals="closed")


def test_a_few_photos_give_no_interval_but_a_reason():
    images = plain(np.arange(8.0), {"s": np.arange(8.0) ** 2, "t": -np.arange(8.0)}, contents=[0, 0, 1, 1, 2, 2, 3, 3])
    row = one(conclude(images, groups(images), metrics=["srcc"]), scorer="s")
    assert row["value"] == 1
    assert math.isnan(row["low"])
    assert "4 contents" in row["note"]
    assert row["letters"] == ""


def test_same_seed_same_figures():
    rng = np.random.default_rng(6)
    images = plain(rng.normal(size=60), {"s": rng.normal(size=60), "t": rng.normal(size=60)})
    first, again, other = (
        conclude(images, groups(images), resamples=200, seed=seed).table.drop(columns=["value"]) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first["low"].equals(other["low"])


def test_every_error_has_an_interval_and_less_is_better():
    rng = np.random.default_rng(7)
    quality = rng.normal(size=200)
    scores = {"close": quality + 0.3 * rng.normal(size=200), "far": quality + 2 * rng.normal(size=200)}
    images = spread(plain(quality, scores, contents=np.arange(200) // 4), np.full(200, 0.5), 5)
    metrics = ["rmse", "rmse-star", "mae", "outliers"]
    found = conclude(images, groups(images), metrics=metrics, mappings=["logistic4"], resamples=300)
    for row in found.table.itertuples():
        assert row.low < row.value < row.high, row
        assert (row.best, row.letters, row.rank) == (("best", "a", 1) if row.scorer == "close" else ("", "b", 2))
