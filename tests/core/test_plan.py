"""Cells and their keys: each thing computed once, and computed again only when what it rests on changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from iqabench.datasets import Item
from iqabench.errors import UsageError
from iqabench.patterns import select
from iqabench.plan import External, Photo, Plan, Selections, build, identity
from iqabench.specs import DegraderSpec, EnhancerSpec, ModelSpec, Param, ScorerSpec

FACTS = {"summary": "x", "load": "m:f", "licence": "MIT"}
SCALE = Param(name="scale", default=4, choices=(2, 3, 4), help="how many times")
LR = DegraderSpec(id="lr.bicubic", undone_by="sr", params=(SCALE,), **FACTS)
NOISE = DegraderSpec(id="noise.gaussian", undone_by="dn", seeded=True, **FACTS)
SR = EnhancerSpec(id="sr.net", task="sr", params=(SCALE,), **FACTS)
DN = EnhancerSpec(id="dn.net", task="dn", **FACTS)
FR = ScorerSpec(id="fr.psnr", reference=True, **FACTS)
NR = ScorerSpec(id="nr.niqe", **FACTS)


def photo(name: str, digest: str = "", **facts: object) -> Photo:
    item = Item(name=name, image=Path("photos", name), reference=facts.pop("reference", None))
    return Photo(item=item, digest=digest or name, size=(100, 120), **facts)


KINDS = (("degraders", DegraderSpec), ("enhancers", EnhancerSpec), ("scorers", ScorerSpec))


def plan(*models: ModelSpec, photos=None, seed: int = 0, digests=None, externals=(), **how) -> Plan:
    of_kind = {kind: [model for model in models if isinstance(model, spec)] for kind, spec in KINDS}
    chosen = {kind: select([model.id for model in of], of) for kind, of in of_kind.items()}
    names = {
        selection.label: identity(
            selection, dtype="float32", seed=seed, digests=(digests or {}).get(selection.spec.id, {})
        )
        for of in chosen.values()
        for selection in of
    }
    return build(photos or [photo("a.png")], Selections(**chosen, **how), names, externals)


def keys(of: Plan) -> dict[tuple[str, str, str], str]:
    return {(cell.degrader, cell.enhancer, cell.model.label): cell.key for cell in of.cells}


def test_the_chain() -> None:
    made = plan(LR, NOISE, SR, DN, FR, NR)
    assert [cell.model.stage for cell in made.cells] == ["degrade"] * 2 + ["enhance"] * 2 + ["score"] * 8
    assert {(c.degrader, c.enhancer, c.model.label) for c in made.stage("score")} == {
        ("lr.bicubic", "sr.net", "fr.psnr"), ("lr.bicubic", "sr.net", "nr.niqe"), ("lr.bicubic", "", "nr.niqe"),
        ("noise.gaussian", "", "fr.psnr"), ("noise.gaussian", "", "nr.niqe"), ("noise.gaussian", "dn.net", "fr.psnr"),
        ("noise.gaussian", "dn.net", "nr.niqe"), ("", "", "nr.niqe"),
    }  # fmt: skip
    sizes = {(c.degrader, c.enhancer): c.made_size for c in made.cells if c.model.stage != "score"}
    assert sizes["lr.bicubic", ""] == (25, 30)
    assert sizes["lr.bicubic", "sr.net"] == (100, 120)
    assert any("fr.psnr" in note for note in made.notes)
    assert len({cell.key for cell in made.cells}) == len(made.cells)


def test_pairs() -> None:
    made = plan(LR, NOISE, SR, DN, NR, all_pairs=True, baselines=False)
    assert {(c.degrader, c.enhancer.partition("[")[0]) for c in made.stage("score")} == {
        (d, e) for d in ("lr.bicubic", "noise.gaussian") for e in ("sr.net", "dn.net")
    }
    assert any("dn.net" in note for note in plan(LR, SR, DN, NR).notes)


def test_an_enhancer_takes_the_degraders_scale() -> None:
    made = plan(LR, SR, FR)
    assert all(cell.made_size == (100, 120) for cell in made.stage("enhance"))
    chosen = Selections(degraders=select(["lr.bicubic[scale=2|3]"], [LR]), enhancers=select(["sr.net"], [SR]),
                        scorers=select(["fr.psnr"], [FR]))  # fmt: skip
    made = build([photo("a.png")], chosen, {})
    assert {cell.model.label for cell in made.stage("enhance")} == {"sr.net[scale=2]", "sr.net[scale=3]"}
    assert {cell.size for cell in made.stage("score")} == {(100, 120), (99, 120)}


def test_a_key_says_all_that_a_cell_rests_on() -> None:
    models = (NOISE, DN, FR, NR)
    first = keys(plan(*models))
    assert keys(plan(*models)) == first
    assert keys(plan(*models, photos=[photo("b.png", "a.png")])) == first, "a photo's name is not its content"
    assert not set(keys(plan(*models, photos=[photo("a.png", "else")])).values()) & set(first.values())

    def changed(after: dict[tuple[str, str, str], str]) -> set[tuple[str, str, str]]:
        return {cell for cell in first if after[cell] != first[cell]}

    below = {cell for cell in first if cell[1] == "dn.net"}
    assert changed(keys(plan(NOISE, replace(DN, revision=2), FR, NR))) == below
    assert changed(keys(plan(*models, digests={"dn.net": {"net.pth": "1" * 64}}))) == below
    assert changed(keys(plan(NOISE, DN, FR, replace(NR, revision=2)))) == {c for c in first if c[2] == "nr.niqe"}
    assert changed(keys(plan(*models, seed=1))) == {cell for cell in first if cell[0]}, "only noise is seeded"


def test_a_reference_is_part_of_a_score() -> None:
    one = plan(FR, photos=[photo("a.png", reference=Path("r.png"), reference_digest="r1")])
    two = plan(FR, photos=[photo("a.png", reference=Path("r.png"), reference_digest="r2")])
    assert keys(one) != keys(two)
    assert one.cells[0].reference == Path("r.png")


def test_photos_of_one_content_share_their_cells() -> None:
    made = plan(NOISE, NR, photos=[photo("a.png", "same"), photo("b.png", "same")])
    assert len(made.stage("degrade")) == 2
    assert len({cell.key for cell in made.stage("degrade")}) == 1
    assert {cell.filed for cell in made.stage("degrade")} == {"a.png"}


def test_images_of_another_tool() -> None:
    given = [photo("a.png"), photo("b.png")]
    other = Item(name="a.png", image=Path("tool/a.png"))
    found = [Photo(item=other, digest="made", size=(100, 120)), Photo(item=other, digest="gone", problem="not there")]
    made = plan(FR, NR, photos=given, externals=[External(name="tool", photos=found)])
    cells = {(c.photo.item.name, c.enhancer, c.model.label): c for c in made.cells}
    assert cells["a.png", "tool", "fr.psnr"].reference == Path("photos/a.png")
    assert cells["a.png", "tool", "fr.psnr"].file == Path("tool/a.png")
    assert cells["b.png", "tool", "nr.niqe"].problem == "not there"


def test_nothing_to_do() -> None:
    with pytest.raises(UsageError, match="nothing to do"):
        plan(photos=[photo("a.png")])
