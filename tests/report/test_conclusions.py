"""Figures by hand, and what must never happen to them on the way from a run to a table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from iqabench.errors import UsageError
from iqabench.report.conclusion_sheets import conclusion_sheets
from iqabench.report.conclusions import conclude
from iqabench.report.groups import groups
from iqabench.report.judged import Judged
from iqabench.report.opinions import Rated, rated
from iqabench.stats.reliability import icc

from .by_hand import facts, one, plain, rows, spread


def test_five_images_by_hand():
    # Deviations of the scores (-2,-1,0,1,2), of the opinions (-2,0,-1,1,2): Σxy=9, Σx²=Σy²=10; one pair of ten swapped.
    images = plain([1, 3, 2, 4, 5], {"a": [10, 20, 30, 40, 50]})
    found = conclude(images, groups(images), metrics=["plcc", "srcc", "krcc", "rmse"], resamples=0)
    assert one(found, metric="plcc")["value"] == pytest.approx(0.9, abs=1e-12)
    assert one(found, metric="srcc")["value"] == pytest.approx(0.9, abs=1e-12)
    assert one(found, metric="krcc")["value"] == pytest.approx(0.8, abs=1e-12)
    # Errors 9, 17, 28, 36, 45.
    assert one(found, metric="rmse")["value"] == pytest.approx(math.sqrt((81 + 289 + 784 + 1296 + 2025) / 5))
    assert set(found.table["N"]) == {5}


def test_lower_is_better_is_turned_and_a_backward_scorer_keeps_its_sign():
    images = plain([1, 2, 3, 4], {"niqe": [9.0, 7, 5, 1], "back": [4.0, 3, 2, 1]}, lower=("niqe",))
    found = conclude(images, groups(images), metrics=["srcc", "plcc"], mappings=["logistic4"], resamples=0)
    assert one(found, metric="srcc", scorer="niqe")["value"] == 1
    assert one(found, metric="srcc", scorer="back")["value"] == -1
    rng = np.random.default_rng(0)
    quality = rng.normal(size=60)
    images = plain(quality, {"back": -quality + rng.normal(size=60)})
    found = conclude(images, groups(images), metrics=["plcc"], mappings=["logistic4", "logistic5", "cubic"])
    raw = one(found, mapping="none")
    assert raw["value"] < -0.4
    for mapping in ("logistic4", "logistic5", "cubic"):
        mapped = one(found, mapping=mapping)
        assert mapped["value"] == raw["value"]
        assert (mapped["low"], mapped["high"]) == pytest.approx((raw["low"], raw["high"]))
        assert "backwards" in mapped["note"]


def test_dmos_is_turned_by_its_dataset():
    table = plain([5, 4, 3, 1], {"psnr": [20.0, 25, 30, 40]}, dataset="live")
    images = Rated(
        images=table.images,
        scores=table.scores,
        mos=table.mos,
        contents=None,
        higher_is_better=table.higher_is_better,
        judged={"live": Judged(higher_is_better=False)},
    )
    found = conclude(images, groups(images), metrics=["srcc", "rmse"], resamples=0)
    assert one(found, metric="srcc")["value"] == 1
    assert math.isnan(one(found, metric="rmse")["value"])
    assert "run against" in one(found, metric="rmse")["reason"]


def test_failures_stay_in_the_denominator(long_table):
    mos = np.arange(12.0)
    scores = {"good": mos + 0.5, "half": np.where(mos < 6, mos, np.nan), "none": np.full(12, np.nan)}
    images = pd.DataFrame({"item": [f"{i:02}" for i in range(12)], "mos": mos})
    table = long_table(images, scores)
    # Nor do scores that were never planned, as a full-reference scorer's without a reference.
    table = table[(table["scorer"] != "good") | (table["item"] != "03")]
    judged = rated(table, facts(good=True, half=True, none=True), {})
    found = conclude(judged, groups(judged), metrics=["srcc"], resamples=50)
    assert [(row.n, row.N) for row in found.table.itertuples()] == [(11, 12), (6, 12), (0, 12)]
    last = one(found, scorer="none")
    assert math.isnan(last["value"])
    assert last["reason"]
    assert math.isnan(last["rank"])
    printed = conclusion_sheets(found)[0]
    assert [row.entries[0].below.split()[-1] for row in printed.rows] == ["11/12", "6/12", "0/12"]
    assert [row.entries[0].alarm for row in printed.rows] == [True, True, True]
    assert any("No figure for none" in note for note in printed.notes)


def test_opinions_on_unlike_scales_are_not_pooled(long_table):
    rng = np.random.default_rng(1)
    one_set, other = rng.normal(size=40), rng.normal(size=30)
    images = pd.DataFrame(
        {
            "dataset": ["koniq10k"] * 40 + ["live"] * 30,
            "item": [f"{i:02}" for i in range(70)],
            "mos": np.concatenate([50 + 10 * one_set, -other * 20]),
        }
    )
    scores = np.concatenate([one_set + rng.normal(size=40), 100 + other + rng.normal(size=30)])
    judged = rated(long_table(images, {"s": scores}), facts(s=True), {"live": Judged(higher_is_better=False)})
    found = conclude(judged, groups(judged, ["dataset"]), metrics=["plcc", "rmse"], mappings=["logistic4"])
    r = [one(found, metric="plcc", mapping="none", group=name)["value"] for name in ("koniq10k", "live")]
    assert r[0] == pytest.approx(stats.pearsonr(scores[:40], one_set).statistic)
    assert r[1] == pytest.approx(stats.pearsonr(scores[40:], other).statistic)
    pooled = one(found, metric="plcc", mapping="none", group="all")
    assert pooled["value"] == pytest.approx(math.tanh((math.atanh(r[0]) + math.atanh(r[1])) / 2))
    assert (pooled["n"], pooled["N"]) == (70, 70)
    assert pooled["low"] < pooled["value"] < pooled["high"]
    assert math.isnan(one(found, metric="rmse", mapping="logistic4", group="all")["value"])
    assert any("Fisher's z" in note for note in found.notes)


def test_a_dataset_compared_inside_scenes_is_judged_inside_scenes(long_table):
    # Across scenes the scale is anybody's: the pooled figure would be -0.7.
    images = pd.DataFrame(
        {
            "dataset": "piq23",
            "item": list("abcdefgh"),
            "scene": ["in"] * 4 + ["out"] * 4,
            "mos": [1.0, 2, 3, 4, -6, -5, -4, -3],
        }
    )
    scores = np.array([1.0, 2, 3, 4, 11, 13, 12, 14])
    judged = rated(long_table(images, {"s": scores}), facts(s=True), {"piq23": Judged(within="scene")})
    found = conclude(judged, groups(judged), metrics=["srcc"], resamples=0)
    expected = math.tanh((math.atanh(1 - 1e-9) + math.atanh(0.8)) / 2)
    assert one(found)["value"] == pytest.approx(expected)
    assert one(found)["note"] == "mean of 2"


def test_within_content_by_hand():
    # Photo p: three versions in order (1); photo q: SRCC 0.5; photo r has one version and says nothing.
    images = plain([1, 2, 3, 1, 2, 3, 5], {"s": [1.0, 2, 3, 1, 3, 2, 9]}, contents=["p", "p", "p", "q", "q", "q", "r"])
    found = conclude(images, groups(images), metrics=["within"], resamples=0)
    most = 1 - 6 / (27 - 3)
    assert one(found)["value"] == pytest.approx(math.tanh((math.atanh(most) + math.atanh(0.5)) / 2))
    assert (one(found)["n"], one(found)["N"]) == (2, 3)
    alone = plain([1, 2, 3], {"s": [1.0, 2, 3]})
    assert "share a source" in one(conclude(alone, groups(alone), metrics=["within"]))["reason"]


def test_marks_as_in_the_paper():
    mos = np.arange(50.0)
    noise = np.random.default_rng(0).normal(size=50)
    scores = {
        "ugc.a": mos + 5 * noise,
        "ugc.b": mos + 30 * noise,
        "aigc.a": mos + 40 * noise,
        "aigc.b": mos + 60 * noise,
        "nr.only": mos + 99 * noise,
    }
    images = plain(mos, scores)
    found = conclude(images, groups(images), metrics=["plcc", "rmse"], mappings=["linear"], resamples=0)
    plcc = rows(found, metric="plcc", mapping="none")
    assert list(plcc["best"]) == ["best", "", "group", "", ""]
    assert list(rows(found, metric="rmse", mapping="linear")["best"]) == ["best", "", "group", "", ""]
    assert list(plcc["rank"]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["plc"]}, "Did you mean plcc"),
        ({"mappings": ["logistic"]}, "'logistic' is no mapping"),
        ({"level": 1.0}, "level=1"),
        ({"resamples": -1}, "too few"),
    ],
)
def test_what_cannot_be_asked(options, message):
    images = plain([1, 2, 3], {"s": [1.0, 2, 3]})
    with pytest.raises(UsageError, match=message):
        conclude(images, groups(images), **options)


def test_errors_beyond_the_opinions_intervals_by_hand():
    # Five votes of SD 1: the interval is 2.7764/√5 = 1.2417 wide to each side. Errors 0, 1, 2, 3.
    images = spread(plain([1, 2, 3, 4], {"s": [1.0, 3, 5, 7]}), np.ones(4), 5)
    half = 2.7764451 / math.sqrt(5)
    found = conclude(images, groups(images), metrics=["mae", "outliers", "rmse-star", "rmse"], resamples=0)
    value = dict(zip(found.table["metric"], found.table["value"], strict=True))
    assert value["mae"] == pytest.approx(1.5)
    assert value["outliers"] == 0.5
    assert value["rmse"] == pytest.approx(math.sqrt(14 / 4))
    assert value["rmse-star"] == pytest.approx(math.sqrt(((2 - half) ** 2 + (3 - half) ** 2) / 4))


def test_krasula_by_hand():
    # Opinions 0, 0, 10, 10 with votes that agree well: four of six pairs differ, and the scorer turns one of them.
    mos = [0.0, 0.1, 10, 10.1]
    images = spread(plain(mos, {"right": mos, "turned": [0.0, 5.0, 4.0, 9.0], "none": [np.nan] * 4}), np.ones(4), 10)
    found = conclude(images, groups(images), metrics=["c0", "auc-bw", "auc-ds"])
    assert [one(found, metric="c0", scorer=name)["value"] for name in ("right", "turned")] == [1, 0.75]
    assert one(found, metric="auc-ds", scorer="right")["value"] == 1
    assert "4 of 6 pairs" in one(found, metric="c0", scorer="right")["note"]
    missing = one(found, metric="c0", scorer="none")
    assert (missing["n"], missing["N"]) == (0, 4)
    assert missing["reason"]


def test_what_needs_the_votes_says_so():
    images = plain([1, 2, 3, 4], {"s": [1.0, 3, 5, 7]})
    for metric in ("rmse-star", "outliers", "auc-ds", "c0"):
        with pytest.raises(UsageError, match="number of each image's votes"):
            conclude(images, groups(images), metrics=[metric])
    alike = spread(plain([3.0, 3.1, 3.2, 3.0], {"s": [1.0, 3, 5, 7]}), np.ones(4), 5)
    row = one(conclude(alike, groups(alike), metrics=["c0"]))
    assert math.isnan(row["value"])
    assert "nothing to separate" in row["reason"]


def test_the_ceiling_is_that_of_the_votes_themselves():
    rng = np.random.default_rng(8)
    votes = rng.normal(size=(300, 1)) + rng.normal(size=(300, 5))
    images = plain(votes.mean(axis=1), {"s": votes[:, 0]})
    images = spread(images, votes.std(axis=1, ddof=1), 5)
    found = conclude(images, groups(images), resamples=0)
    expected = math.sqrt(icc(votes).one_way[1])
    assert found.ceilings["all"].estimate.value == pytest.approx(expected)
    assert one(found, metric="plcc")["ceiling"] == pytest.approx(expected)
    assert math.isnan(one(found, metric="srcc")["ceiling"])
    sheet = conclusion_sheets(found)[0]
    assert sheet.rows[-1].apart
    assert sheet.rows[-1].entries[0].text == f"{expected:.3f}"
