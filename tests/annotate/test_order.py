"""The order in which raters see images: seeded, balanced, and no photo twice in a row."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from iqabench.annotate.order import Presentation, presentations, spaced
from iqabench.annotate.settings import Settings
from iqabench.datasets.built import Entry
from iqabench.errors import UsageError

MODELS = {"lr": ("sr.a", "sr.b", "sr.c", "sr.d"), "dark": ("lle.a", "lle.b", "lle.c", "lle.d")}


def entries(photos: int) -> list[Entry]:
    found = []
    for number in range(photos):
        source, facts = f"{number}.png", {"sha256": "0", "width": 8, "height": 8}
        found.append(Entry(file=f"sources/{source}", source=source, role="source", **facts))
        for degrader, models in MODELS.items():
            found.append(Entry(file=f"{degrader}/{source}", source=source, role="degraded", degrader=degrader, **facts))
            for model in models:
                found.append(
                    Entry(
                        file=f"{degrader}/{model}/{source}",
                        source=source,
                        role="enhanced",
                        degrader=degrader,
                        enhancer=model,
                        **facts,
                    )
                )
    return found


def no_neighbours(order: list[Presentation]) -> bool:
    return all(first.source != second.source for first, second in pairwise(order))


@pytest.mark.parametrize("method", ["acr", "acr-hr", "dcr", "pc"])
@pytest.mark.parametrize("photos", [3, 20])
def test_every_image_once_and_no_photo_twice_in_a_row(method: str, photos: int) -> None:
    images = entries(photos)
    settings = Settings(method=method, training=4, dummies=3)
    for rater in ("anna", "ben", "cleo"):
        order = presentations(images, settings, rater)
        test = [one for one in order if one.kind == "test"]
        assert no_neighbours(order)
        assert max(Counter((one.image, one.other) for one in test).values()) == 1
        expected = {"acr": 8, "acr-hr": 9, "dcr": 8, "pc": 12}[method] * photos
        assert len(test) == expected


def test_the_order_is_the_rater_s_own_and_repeatable() -> None:
    images = entries(10)
    anna, again, ben = (presentations(images, Settings(), rater) for rater in ("anna", "anna", "ben"))
    other = presentations(images, Settings(seed=1), "anna")
    assert anna == again
    assert anna != ben
    assert anna != other
    train = [[one for one in order if one.kind == "train"] for order in (anna, ben)]
    assert train[0] == train[1]
    assert len(train[0]) == 8


def test_every_part_of_a_session_holds_all_models_alike() -> None:
    test = presentations(entries(40), Settings(training=0, dummies=0), "anna")
    for start in range(0, len(test) - 40, 40):
        counts = Counter(one.image.rpartition("/")[0] for one in test[start : start + 40])
        assert len(counts) == 8
        assert max(counts.values()) - min(counts.values()) <= 3


def test_training_spans_the_range() -> None:
    train = [one for one in presentations(entries(5), Settings(training=6), "anna") if one.kind == "train"]
    assert {one.image.count("/") for one in train} == {1, 2}
    assert any(one.image.startswith("sources/") for one in train)
    assert any(one.image.count("/") == 1 and not one.image.startswith("sources/") for one in train)


def test_gold_is_spread_and_repeats_come_late() -> None:
    order = presentations(entries(20), Settings(training=0, dummies=0, gold=4, repeats=6), "anna")
    assert no_neighbours(order)
    gold = [at for at, one in enumerate(order) if one.kind == "gold"]
    assert len(gold) == 4
    quarter = len(order) / 4
    assert [int(at // quarter) for at in gold] == pytest.approx([0, 1, 2, 3], abs=1)
    assert all(order[at].image.startswith("sources/") for at in gold)
    repeats = [(at, one) for at, one in enumerate(order) if one.kind == "repeat"]
    assert len(repeats) == 6
    for at, one in repeats:
        first = next(place for place, other in enumerate(order) if other.kind == "test" and other.image == one.image)
        assert at - first >= 20


def test_pairs_are_of_one_photo_and_degrader_and_change_sides() -> None:
    order = presentations(entries(20), Settings(method="pc", training=0, dummies=0), "anna")
    for one in order:
        left, right = one.image.split("/"), one.other.split("/")
        assert (left[0], left[2]) == (right[0], right[2])
        assert left[1] != right[1]
    sides = Counter(one.image.split("/")[1] < one.other.split("/")[1] for one in order)
    assert min(sides.values()) > len(order) / 4


def test_dcr_shows_the_original_too() -> None:
    order = presentations(entries(3), Settings(method="dcr"), "anna")
    assert all(one.other == f"sources/{one.source}" for one in order)


def test_one_photo_alone_cannot_be_kept_apart() -> None:
    order = [Presentation("test", str(number), "same") for number in range(4)]
    assert spaced(order) == order


def test_a_dataset_without_enhanced_images_is_refused() -> None:
    pristine = [entry for entry in entries(3) if entry.role == "source"]
    with pytest.raises(UsageError, match="no image to rate"):
        presentations(pristine, Settings(), "anna")


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="acr, acr-hr, dcr, pc"):
        Settings(method="abc")
    with pytest.raises(UsageError, match="gold"):
        Settings(method="pc", gold=1)
    with pytest.raises(UsageError, match="negative"):
        Settings(repeats=-1)
