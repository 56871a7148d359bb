"""What the long table takes from a dataset, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqabench.datasets import Item
from iqabench.patterns import Selection
from iqabench.plan import Photo, Selections, build
from iqabench.report.table import COLUMNS, image_table, long_table
from iqabench.specs import DegraderSpec, EnhancerSpec, ScorerSpec
from iqabench.store import Store

FACTS = {"summary": "x", "load": "m:f", "licence": "MIT"}
SCORER = Selection(ScorerSpec(id="nr.a", **FACTS), {})
ENHANCER = Selection(EnhancerSpec(id="dn.b", task="dn", **FACTS), {})
DEGRADER = Selection(DegraderSpec(id="noise.c", undone_by="dn", **FACTS), {})


def photo(name: str, **facts: str | float) -> Photo:
    item = Item(name=name, image=Path(name), source="s", mos=3.5, facts=facts)
    return Photo(item=item, digest=name, size=(8, 8), dataset="d")


def tables(tmp_path, photos, **selections):
    plan = build(photos, Selections(scorers=[SCORER], **selections), {})
    with Store(tmp_path / "run") as store:
        return long_table(plan, {}, store, seed=0), image_table(plan, {}, store)


def test_facts_become_columns(tmp_path):
    photos = [
        photo("x", task="sr", enhancer="pasd", split="test", std=0.5, vote1=4.0),
        photo("y", task="dn", enhancer="pasd", split=7.0),
    ]
    scores, images = tables(tmp_path, photos)
    assert list(scores.columns) == [*COLUMNS, "split", "std"]
    assert scores["enhancer"].tolist() == images["enhancer"].tolist() == ["sr.pasd", "dn.pasd"]
    assert scores["task"].tolist() == ["sr", "dn"]
    assert scores["split"].tolist() == ["test", "7"]
    assert scores["std"].tolist() == pytest.approx([0.5, float("nan")], nan_ok=True)
    assert scores["mos"].tolist() == [3.5, 3.5]


def test_an_opinion_belongs_to_the_image_that_was_rated(tmp_path):
    scores, _ = tables(tmp_path, [photo("x", enhancer="old")], degraders=[DEGRADER], enhancers=[ENHANCER])
    found = {(row.degrader, row.enhancer): (row.task, row.mos) for row in scores.itertuples()}
    assert found[("", "old")] == ("", 3.5)
    assert found[("noise.c", "")] == ("dn", pytest.approx(float("nan"), nan_ok=True))
    assert found[("noise.c", "dn.b")] == ("dn", pytest.approx(float("nan"), nan_ok=True))


def test_a_fact_cannot_take_a_columns_name(tmp_path):
    scores, _ = tables(tmp_path, [photo("x", device="phone", score="9")])
    assert list(scores.columns) == list(COLUMNS)
    assert scores["device"].tolist() == [""]
