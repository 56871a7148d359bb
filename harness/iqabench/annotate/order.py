"""Who sees what in which order: seeded for each rater, balanced over the models, no photo twice in a row.

Pure: from a dataset's list of images to presentations.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, zip_longest
from typing import Literal

from iqabench.annotate.settings import Settings
from iqabench.datasets.built import ROLES, Entry, of_role
from iqabench.errors import UsageError

Kind = Literal["train", "dummy", "test", "gold", "repeat", "review"]
_APART = 20
"""At least so many presentations lie between an image and its repetition, where there are so many."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """One screen: an image, and beside it ``other``: the reference (DCR) or the second image of a pair (PC)."""

    kind: Kind
    image: str
    source: str
    other: str = ""


def presentations(entries: Sequence[Entry], settings: Settings, rater: str) -> list[Presentation]:
    """Every screen of one rater, in order: training, dummies, test with gold and repeats mixed in.

    Raises UsageError where the dataset has too little for the method.
    """
    draw = random.Random(f"{settings.seed}/{rater}")  # noqa: S311 - an order, not a secret
    test = _balanced(_units(entries, settings, draw), draw)
    if not test:
        raise UsageError(f"The dataset has no image to rate by the method {settings.method}.")
    pristine = [Presentation("gold", e.file, e.source) for e in of_role(entries, "source")]
    gold = draw.sample(pristine, min(settings.gold, len(pristine)))
    training = _training(entries, settings)
    main = _with_repeats(_spread(test, gold, draw), settings.repeats, draw)
    before = [*training, *_dummies(test, settings.dummies, _last(training), draw)]
    return [*before, *spaced(main, after=_last(before))]


def _units(
    entries: Sequence[Entry], settings: Settings, draw: random.Random
) -> dict[tuple[str, str], list[Presentation]]:
    """What is rated, by the models that made it."""
    enhanced = of_role(entries, "enhanced")
    groups: dict[tuple[str, str], list[Presentation]] = defaultdict(list)
    if settings.method == "pc":
        rivals: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in enhanced:
            rivals[entry.source, entry.degrader].append(entry)
        for same in rivals.values():
            for pair in combinations(same, 2):
                first, second = draw.sample(pair, 2)
                models = "/".join(sorted((first.enhancer, second.enhancer)))
                groups[first.degrader, models].append(Presentation("test", first.file, first.source, second.file))
        return groups
    beside = _beside(entries, settings)
    for entry in enhanced:
        shown = Presentation("test", entry.file, entry.source, beside.get(entry.source, ""))
        groups[entry.degrader, entry.enhancer].append(shown)
    if settings.method == "acr-hr":
        sources = of_role(entries, "source")
        groups["", ""] = [Presentation("test", entry.file, entry.source) for entry in sources]
    return groups


def _balanced(groups: dict[tuple[str, str], list[Presentation]], draw: random.Random) -> list[Presentation]:
    """In rounds that hold one image of every model each, so that no part of a session is of one model."""
    shuffled = [draw.sample(group, len(group)) for _, group in sorted(groups.items())]
    order: list[Presentation] = []
    for chosen in zip_longest(*shuffled):
        present = [one for one in chosen if one is not None]
        order += draw.sample(present, len(present))
    return spaced(order)


def _dummies(test: Sequence[Presentation], count: int, after: str, draw: random.Random) -> list[Presentation]:
    """A stretch out of the later half of the test, where no source stands next to itself, nor at its start."""
    count = min(count, len(test))
    starts = list(range(len(test) // 2, len(test) - count + 1)) or [len(test) - count]
    fitting = [start for start in starts if count and test[start].source != after] or starts
    start = draw.choice(fitting)
    return [replace(one, kind="dummy") for one in test[start : start + count]]


def _last(order: Sequence[Presentation]) -> str:
    return order[-1].source if order else ""


def spaced(order: Sequence[Presentation], *, after: str = "") -> list[Presentation]:
    """The same screens, as nearly in this order as can be with no source next to itself, or first after ``after``.

    Where one source has more than half of what is left it is taken as soon as it may be, so that no neighbours are
    left over unless there must be some.
    """
    left = list(order)
    counts = Counter(one.source for one in left)
    found: list[Presentation] = []
    last = after
    while left:
        pressing, n = counts.most_common(1)[0]
        must = pressing if 2 * n > len(left) and pressing != last else None
        at = next((i for i, one in enumerate(left) if (one.source == must if must else one.source != last)), 0)
        one = left.pop(at)
        counts[one.source] -= 1
        last = one.source
        found.append(one)
    return found


def _spread(test: list[Presentation], more: list[Presentation], draw: random.Random) -> list[Presentation]:
    """``more`` mixed into ``test``, one in each equal part of it."""
    order = list(test)
    for number, one in reversed(list(enumerate(more))):
        low, high = (len(test) * part // len(more) for part in (number, number + 1))
        order.insert(_place(order, one, range(low, max(low + 1, high)), draw), one)
    return order


def _with_repeats(order: list[Presentation], count: int, draw: random.Random) -> list[Presentation]:
    """``count`` images of the first half shown again, well after the first time."""
    seen = [one for one in order[: max(1, len(order) // 2)] if one.kind == "test"]
    for one in draw.sample(seen, min(count, len(seen))):
        first = order.index(one)
        earliest = min(first + _APART, len(order))
        again = replace(one, kind="repeat")
        order.insert(_place(order, again, range(earliest, len(order) + 1), draw), again)
    return order


def _place(order: Sequence[Presentation], one: Presentation, where: range, draw: random.Random) -> int:
    """A place in ``where`` before which ``one`` can stand without touching its own source, if there is any."""

    def free(at: int) -> bool:
        return all(order[near].source != one.source for near in (at - 1, at) if 0 <= near < len(order))

    places = [at for at in where if free(at)] or list(where)
    return draw.choice(places) if places else len(order)


def _training(entries: Sequence[Entry], settings: Settings) -> list[Presentation]:
    """From best to worst and between: sources, degraded and enhanced images in turn, the same for every rater."""
    if not settings.training or settings.method == "pc":
        return []
    draw = random.Random(f"{settings.seed}/training")  # noqa: S311
    pools = [of_role(entries, role) for role in ROLES]
    turns = zip_longest(*(draw.sample(pool, len(pool)) for pool in pools if pool))
    mixed = [entry for turn in turns for entry in turn if entry is not None]
    beside = _beside(entries, settings)
    shown = [Presentation("train", entry.file, entry.source, beside.get(entry.source, "")) for entry in mixed]
    return spaced(shown[: 8 * settings.training])[: settings.training]


def _beside(entries: Sequence[Entry], settings: Settings) -> dict[str, str]:
    """The pristine photo of each source, where the method shows it."""
    return {e.source: e.file for e in of_role(entries, "source")} if settings.method == "dcr" else {}
