"""Figures by hand, and what must never happen to them on the way from a run to a table."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from iqabench.errors import UsageError
from iqabench.plugins import discover
from iqabench.report.columns import rated_from_columns
from iqabench.report.conclusion_sheets import conclusion_sheets
from iqabench.report.conclusions import conclude
from iqabench.report.contamination import applying, photos_of, seen
from iqabench.report.groups import groups
from iqabench.report.judged import Judged, judged_datasets
from iqabench.report.opinions import Rated, Spread, rated, with_opinions
from iqabench.runner.manifest import _datasets
from iqabench.stats.reliability import icc


def facts(**directions):
    return {name: {"higher_is_better": up, "training_data": []} for name, up in directions.items()}


def rows(found, **wanted):
    table = found.table
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table


def one(found, **wanted):
    table = rows(found, **wanted)
    assert len(table) == 1, table
    return table.iloc[0]


def plain(mos, scores, *, contents=None, lower=(), dataset="", **columns):
    n = len(mos)
    return Rated(
        images=pd.DataFrame({"dataset": [dataset] * n, **columns}) if isinstance(dataset, str) else dataset,
        scores={name: np.asarray(values, dtype=float) for name, values in scores.items()},
        mos=np.asarray(mos, dtype=float),
        contents=None if contents is None else np.asarray(contents, dtype=object),
        higher_is_better={name: name not in lower for name in scores},
    )


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


def test_images_without_an_opinion_are_said(long_table):
    images = pd.DataFrame({"item": list("abcd"), "mos": [1.0, 2, 3, np.nan]})
    judged = rated(long_table(images, {"s": np.array([1.0, 2, 3, 4])}), facts(s=True), {})
    assert (judged.n, judged.left_out) == (3, 1)
    found = conclude(judged, groups(judged), resamples=0)
    assert "1 images have no opinion score" in found.notes[-1]
    with pytest.raises(UsageError, match="No image of this run has an opinion"):
        rated(long_table(images.assign(mos=np.nan), {"s": np.ones(4)}), facts(s=True), {})


def test_groups_and_their_order(long_table):
    enhancers = ["dn.supir", "sr.supir", "lle.glare", "sr.diffbir"]
    images = pd.DataFrame(
        {
            "item": [f"{i:02}" for i in range(16)],
            "mos": np.arange(16.0),
            "enhancer": enhancers * 4,
            "task": [name.partition(".")[0] for name in enhancers] * 4,
        }
    )
    judged = rated(long_table(images, {"s": np.arange(16.0)}), facts(s=True), {})
    labels = [group.label for group in groups(judged, ("enhancer", "type"), random=10)]
    assert labels == ["sr.diffbir", "sr.supir", "lle.glare", "dn.supir", "sr", "lle", "dn", "random-10", "all"]
    assert [group.n for group in groups(judged, ("type",), random=10)] == [8, 4, 4, 10, 16]
    with pytest.raises(UsageError, match="degrader"):
        groups(judged, ("degrader",))
    with pytest.raises(UsageError, match="cannot be grouped by 'sauce'"):
        groups(judged, ("sauce",))
    with pytest.raises(UsageError, match="17 of 16"):
        groups(judged, random=17)


def test_a_random_draw_depends_on_the_seed_alone(long_table):
    rng = np.random.default_rng(0)
    images = pd.DataFrame({"item": [f"{i:03}" for i in range(300)], "mos": rng.normal(size=300)})
    table = long_table(images, {"s": rng.normal(size=300)})

    def drawn(frame, seed):
        judged = rated(frame, facts(s=True), {})
        mask = groups(judged, random=100, seed=seed)[0].parts[0]
        return set(judged.images["item"][mask])

    shuffled = table.sample(frac=1, random_state=1)
    assert drawn(table, 0) == drawn(shuffled, 0) != drawn(table, 1)
    assert len(drawn(table, 0)) == 100


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


@pytest.mark.parametrize(
    ("training", "dataset", "found"),
    [
        (("ImageNet", "KonIQ-10k"), "koniq10k", ["KonIQ-10k"]),
        (("KonIQ-10k",), "auiqa", ["KonIQ-10k"]),
        (("KADIS-700k",), "kadid10k", []),
        (("LIVE",), "clive", []),
        (("LIVE Challenge",), "clive", ["LIVE Challenge"]),
        (("KonIQ-10k (training split)",), "koniq10k", ["KonIQ-10k (train; which of these images is not known)"]),
        (("KonIQ-10k (5 votes an image)",), "koniq10k", ["KonIQ-10k"]),
    ],
)
def test_contamination(training, dataset, found):
    images = pd.DataFrame({"item": list("abc")})
    everything = np.ones(3, dtype=bool)
    assert [one.words(everything) for one in seen(training, photos_of(dataset), images, ())] == found


def test_contamination_by_split():
    images = pd.DataFrame({"split": ["training", "training", "validation", "test"]})
    (one,) = seen(("KonIQ-10k (training and validation)",), ("koniq10k",), images, ("split",))
    assert one.images.tolist() == [True, True, True, False]
    assert one.words(np.ones(4, dtype=bool)) == "KonIQ-10k (train, val; 3 of 4 images)"
    assert one.words(~one.images) == ""
    # AU-IQA's photos are KonIQ-10k's, but which of its splits they are from is written nowhere.
    (one,) = seen(("KonIQ-10k (training)",), photos_of("auiqa"), images, ("split",))
    assert one.images.all()
    assert not one.known


def test_training_data_of_one_variant():
    declared = ("ImageNet", "KonIQ-10k [weights=koniq]", "SPAQ [weights=spaq] (training)")
    assert applying(declared, {"weights": "spaq"}) == ("ImageNet", "SPAQ (training)")
    assert applying(declared, {"weights": "koniq"}) == ("ImageNet", "KonIQ-10k")


def test_a_contaminated_scorer_is_marked_in_the_table(long_table):
    images = pd.DataFrame({"dataset": "koniq10k", "item": list("abc"), "mos": [1.0, 2, 3]})
    known = {"s": {"higher_is_better": True, "training_data": ["KonIQ-10k"]}, "t": {"higher_is_better": True}}
    table = long_table(images, {"s": np.array([1.0, 2, 3]), "t": np.array([1.0, 3, 2])})
    judged = rated(table, known, {"koniq10k": Judged(photos=("koniq10k",))})
    found = conclude(judged, groups(judged), resamples=0)
    assert dict(zip(found.table["scorer"], found.table["trained_on"], strict=True)) == {"s": "KonIQ-10k", "t": ""}
    sheets = conclusion_sheets(found)
    assert [row.labels[0] for row in sheets[0].rows] == ["s †", "t"]
    assert any("KonIQ-10k" in note for note in sheets[-1].notes)


def test_a_run_writes_down_what_its_datasets_declare(tmp_path):
    prepared = SimpleNamespace(
        study=SimpleNamespace(dataset=["csiq:somewhere", "csv:mine.csv[direction=lower,range=0:10]"]),
        plugins=SimpleNamespace(datasets=discover().datasets),
    )
    facts = json.loads(json.dumps(_datasets(prepared)))  # type: ignore[arg-type]
    found = judged_datasets({"datasets": facts}, tmp_path)  # no study, no plugin, no copy of the data
    assert (found["csiq"].higher_is_better, found["csiq"].measure) == (False, "DMOS")
    assert (found["csv"].higher_is_better, found["csv"].mos_range) == (False, (0.0, 10.0))
    assert facts["csiq"]["groups"] == ["distortion"]


def test_what_a_manifest_says_of_a_dataset(tmp_path):
    manifest = {"datasets": {"live": {"higher_is_better": False, "measure": "DMOS"}}}
    assert judged_datasets(manifest, tmp_path)["live"] == Judged(
        higher_is_better=False, measure="DMOS", photos=("live",)
    )
    (tmp_path / "study.toml").write_text('dataset = ["csiq:somewhere", "piq23:elsewhere"]\n')
    found = judged_datasets({}, tmp_path)
    assert not found["csiq"].higher_is_better
    assert found["piq23"].within == "scene"


def test_opinions_of_another_table(long_table):
    images = pd.DataFrame(
        {"item": ["a", "a", "b", "b"], "enhancer": ["", "sr.x"] * 2, "mos": 9.0, "image": ["a", "i/a", "b", "i/b"]}
    )
    table = long_table(images, {"s": np.arange(4.0)})
    given = pd.DataFrame({"image": ["i/a", "i/b", "b"], "mos": [1.0, 2.0, 3.0]})
    assert with_opinions(table, given, where="o.csv")["mos"].tolist()[1:] == [1, 3, 2]
    counted = rated(with_opinions(table, given.assign(std=0.5, votes=5), where="o.csv"), facts(s=True), {})
    assert counted.n == 3
    assert counted.spread.ci95() == pytest.approx(np.full(3, 2.7764451 * 0.5 / math.sqrt(5)))
    with pytest.raises(UsageError, match="no image 'c'"):
        with_opinions(table, pd.DataFrame({"image": ["c"], "mos": [1.0]}), where="o.csv")


def test_columns_that_are_no_scores():
    frame = pd.DataFrame({"image": list("abc"), "mos": [1, 2, None], "psnr": [3, 4, 5], "niqe": [1.0, 2, 3]})
    images = rated_from_columns(frame, mos="mos", lower_better=["niqe"])
    assert list(images.scores) == ["psnr", "niqe"]
    assert (images.n, images.left_out) == (2, 1)
    assert images.higher_is_better == {"psnr": True, "niqe": False}
    with pytest.raises(UsageError, match="Did you mean psnr"):
        rated_from_columns(frame, mos="mos", scores=["pnsr"])
    with pytest.raises(UsageError, match="Line 2: 'a'"):
        rated_from_columns(frame, mos="mos", scores=["image"])
    with pytest.raises(UsageError, match="neither a scorer nor"):
        rated_from_columns(frame, mos="mos", lower_better=["image"])


def spread(rated, sd, raters):
    return replace(rated, spread=Spread(sd=np.asarray(sd, dtype=float), raters=np.full(rated.n, float(raters))))


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


def test_published_subsets_may_overlap(long_table):
    images = pd.DataFrame(
        {
            "dataset": "tid2013",
            "item": list("abcdef"),
            "mos": np.arange(6.0),
            "distortion": ["awgn", "blur", "jpeg"] * 2,
        }
    )
    declared = Judged(subsets={"noise": "distortion=awgn", "simple": "distortion=awgn|blur", "no": "distortion=x"})
    judged = rated(long_table(images, {"s": np.arange(6.0)}), facts(s=True), {"tid2013": declared})
    assert [(g.label, g.n) for g in groups(judged, ["subset"])] == [("noise", 2), ("simple", 4), ("all", 6)]
    with pytest.raises(UsageError, match="declares subsets"):
        groups(rated(long_table(images, {"s": np.arange(6.0)}), facts(s=True), {}), ["subset"])


def test_equal_labels_of_two_groupings_are_told_apart():
    frame = pd.DataFrame({"mos": np.arange(6.0), "s": np.arange(6.0), "level": [1, 1, 1, 2, 2, 2], "kind": [2] * 6})
    images = rated_from_columns(frame, mos="mos", scores=["s"], groups=["level", "kind"])
    labels = [group.label for group in groups(images, ["level", "kind"])]
    assert labels == ["1", "level=2", "kind=2", "all"]
