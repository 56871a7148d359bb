"""Votes out and in, the second look, and what a dataset gains: opinion scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iqabench.annotate.opinions import opinions, write_opinions
from iqabench.annotate.panel import Panel
from iqabench.annotate.review import ask_again, doubts
from iqabench.annotate.votes import bring_in, export, long_table, votes_of
from iqabench.datasets.built import load
from iqabench.errors import UsageError
from iqabench.report.mos import recover
from iqabench.report.votes import read_votes
from iqabench.stats.votes import plain_mos

Make = Callable[..., Panel]
NAMES = ("anna", "ben", "cleo", "dora", "emil")


def quality(image: str) -> float:
    """Between 1 and 5, of an image's place in its dataset alone."""
    return 1 + (sum(map(ord, image)) * 7919 % 401) / 100


def rate(panel: Panel, *, names: tuple[str, ...] = NAMES, odd: str = "") -> None:
    """Everybody votes near the quality, a step apart at most; ``odd`` the other way round."""
    for number, name in enumerate(names):
        rater = next((one for one in panel.log.raters() if one.name == name), None) or panel.enrol(name)
        for position, shown in enumerate(panel.log.plan(rater.id)):
            if panel.method == "pc":
                value = float(quality(shown.image) > quality(shown.other))
            else:
                value = float(np.clip(round(quality(shown.image) + (number - 2) / 4), 1, 5))
                value = 6 - value if name == odd else value
            panel.vote(rater, f"nonce-{position}", position, value, 2.0 + number)


def test_the_long_table(panel_of: Make) -> None:
    panel = panel_of(training=3, dummies=2, gold=1, repeats=2)
    rate(panel, names=("anna", "ben"))
    table = long_table(panel.log)
    assert list(table) == ["rater", "image", "vote", "t", "duration", "order", "kind", "other"]
    counts = table[table["rater"] == "ben"]["kind"].value_counts().to_dict()
    assert counts == {"test": 24, "train": 3, "dummy": 2, "repeat": 2, "gold": 1}
    assert table["order"].tolist() == [*range(32), *range(32)]
    votes = votes_of(table)
    assert votes.table.shape == (24, 2)
    assert votes.repeats == 4


@pytest.mark.parametrize("form", ["long", "wide", "sureal"])
def test_exports_are_read_back(panel_of: Make, tmp_path: Path, form: str) -> None:
    panel = panel_of(training=3, gold=1)
    rate(panel)
    file = tmp_path / f"votes.{'json' if form == 'sureal' else 'csv'}"
    assert export(panel.log, form, file) == (5 * 28 if form == "long" else 5 * 24)
    votes, expected = read_votes(file), votes_of(long_table(panel.log))
    at = [votes.stimuli.index(name) for name in expected.stimuli]
    assert (votes.table[at] == expected.table).all()
    assert votes.raters == expected.raters


def test_sureal_recovers_the_same_scores(panel_of: Make, tmp_path: Path) -> None:
    """Its reader takes the file, where it is installed."""
    sureal = pytest.importorskip("sureal.dataset_reader")
    panel = panel_of()
    rate(panel)
    export(panel.log, "sureal", tmp_path / "votes.json")
    plain = json.loads((tmp_path / "votes.json").read_text())
    dataset = type("Dataset", (), plain)
    reader = sureal.RawDatasetReader(dataset)
    assert reader.opinion_score_2darray.shape == (24, 5)


def test_votes_from_elsewhere(panel_of: Make, dataset: Path, tmp_path: Path) -> None:
    images = [item.name for item in load(dataset, role="enhanced")]
    rows = [{"rater": rater, "image": image, "vote": 1 + (at + number) % 5}
            for number, rater in enumerate(NAMES[:3]) for at, image in enumerate(images)]  # fmt: skip
    file = tmp_path / "elsewhere.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    panel = panel_of()
    assert bring_in(dataset, panel.log, file) == 72
    assert bring_in(dataset, panel.log, file) == 0
    again = votes_of(long_table(panel.log))
    assert plain_mos(again.table).mos.tolist() == plain_mos(read_votes(file).table).mos.tolist()
    pd.DataFrame([{"rater": "x", "image": "nowhere.png", "vote": 3}]).to_csv(file, index=False)
    with pytest.raises(UsageError, match=r"nowhere\.png"):
        bring_in(dataset, panel.log, file)


def test_a_rater_of_here_and_elsewhere_keeps_both(panel_of: Make, dataset: Path, tmp_path: Path) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    for position in range(4):
        panel.vote(anna, f"nonce-{position}", position, 5, 1)
    seen = [one.image for one in panel.log.plan(anna.id)]
    file = tmp_path / "elsewhere.csv"
    pd.DataFrame([{"rater": "anna", "image": image, "vote": 1} for image in seen]).to_csv(file, index=False)
    assert bring_in(dataset, panel.log, file) == 20  # what was rated here stays
    assert long_table(panel.log).sort_values("order")["vote"].tolist() == [5] * 4 + [1] * 20


def test_a_second_look(panel_of: Make) -> None:
    """The paper's loop: the odd votes' raters are asked again; both votes are kept, the later one counts."""
    panel = panel_of()
    rate(panel, odd="emil")
    found = doubts(panel.log)
    assert found
    assert {name for doubt in found for name in doubt.odd} == {"emil"}
    emil = panel.log.raters()[4]
    assert panel.status(emil).screens == ()
    assert ask_again(panel.log, found) == len(found)
    assert ask_again(panel.log, found) == 0
    assert len(panel.status(emil).screens) == min(5, len(found))
    before = long_table(panel.log)
    for position in range(24, 24 + len(found)):
        shown = panel.log.presentation(emil.id, position)
        panel.vote(emil, f"again-{position}", position, round(quality(shown.image)), 2)
    assert len(long_table(panel.log)) == len(before) + len(found)
    assert doubts(panel.log) == []
    mos = recover(votes_of(long_table(panel.log))).mos
    assert len(mos) == 24


def test_the_dataset_gains_its_mos(panel_of: Make, dataset: Path) -> None:
    panel = panel_of()
    rate(panel)
    found = opinions(dataset)
    write_opinions(dataset, found)
    items = load(dataset, role="enhanced")
    expected = dict(zip(votes_of(long_table(panel.log)).stimuli, found.table["mos"], strict=True))
    assert {item.name: item.mos for item in items} == pytest.approx(expected)
    assert all("std" in item.facts for item in items)
    card = (dataset / "README.md").read_text()
    assert "120 votes by 5 raters" in card
    assert "ITU-R BT.500 (laboratory) asks for 15 raters or more" in card
    assert "this panel had 5" in card


def test_hidden_references_give_differences(panel_of: Make, dataset: Path) -> None:
    panel = panel_of(method="acr-hr")
    rate(panel)
    found = opinions(dataset)
    table = long_table(panel.log).pivot(index="image", columns="rater", values="vote")
    for image, mos in found.table[["image", "mos"]].itertuples(index=False, name=None):
        source = f"sources/{image.rpartition('/')[2]}"
        assert mos == pytest.approx((table.loc[image] - table.loc[source] + 5).mean())
    assert len(found.table) == 24


def test_pairs_give_strengths(panel_of: Make, dataset: Path) -> None:
    panel = panel_of(method="pc")
    rate(panel)
    found = opinions(dataset)
    write_opinions(dataset, found)
    table = found.table.set_index("image")
    for first, second in (("sr.one", "sr.two"), ("dn.one", "dn.two")):
        for image in table.index[table.index.str.contains(first)]:
            rival = image.replace(first, second)
            assert (table.loc[image, "mos"] > table.loc[rival, "mos"]) == (quality(image) > quality(rival))
            assert table.loc[image, "low"] < table.loc[image, "mos"] < table.loc[image, "high"]
    assert [sheet.rows[0].labels for sheet in found.sheets]
    assert "Bradley-Terry" in (dataset / "README.md").read_text()


def test_no_votes_no_scores(panel_of: Make, dataset: Path, tmp_path: Path) -> None:
    panel = panel_of()
    panel.enrol("anna")
    for act in (lambda: opinions(dataset), lambda: export(panel.log, "long", tmp_path / "x.csv")):
        with pytest.raises(UsageError, match="no votes"):
            act()
