"""What is known of a run's images before any figure: opinions, groups, and who was trained on them."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from iqabench.errors import UsageError
from iqabench.plugins import discover
from iqabench.report.columns import rated_from_columns
from iqabench.report.conclusion_sheets import conclusion_sheets
from iqabench.report.conclusions import conclude
from iqabench.report.contamination import applying, photos_of, seen
from iqabench.report.groups import groups
from iqabench.report.judged import Judged, judged_datasets
from iqabench.report.opinions import rated, with_opinions
from iqabench.runner.manifest import _datasets

from .by_hand import facts


def test_images_without_an_opinion_are_said(long_table):
    images = pd.DataFrame({"item": list("abcd"), "mos": [1.0, 2, 3, np.nan]})
    judged = rated(long_table(images, {"s": np.array([1.0, 2, 3, 4])}), facts(s=True), {})
    assert (judged.n, judged.left_out) == (3, 1)
    found = conclude(judged, groups(judged), resamples=0)
    assert "1 image has no opinion score" in found.notes[-1]
    with pytest.raises(UsageError, match="No image of this run has an opinion"):
        rated(long_table(images.assign(mos=np.nan), {"s": np.ones(4)}), facts(s=True), {})


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
