"""AU-IQA's cross-check: images on which raters differ are shown again to those whose votes are odd."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

from iqabench.annotate.log import Log
from iqabench.annotate.order import Presentation, spaced
from iqabench.annotate.votes import long_table, votes_of
from iqabench.stats.reliability import discrepancies


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """An image, how far its votes lie apart, and the odd votes by rater."""

    image: str
    distance: float
    odd: dict[str, float]


def doubts(log: Log, *, apart: float = 3.0) -> list[Doubt]:
    """The images whose votes, of those that count now, lie ``apart`` or more, the worst first."""
    votes = votes_of(long_table(log))
    return [
        Doubt(
            image=votes.stimuli[one.stimulus],
            distance=one.distance,
            odd={votes.raters[rater]: vote for rater, vote in zip(one.raters, one.votes, strict=True)},
        )
        for one in discrepancies(votes.table, at_least=apart)
    ]


def ask_again(log: Log, found: list[Doubt], *, seed: int = 0) -> int:
    """Put the images at the end of the lists of the raters concerned; gives how many screens that adds.

    An image that a rater has been asked to look at again is not put there twice; both votes stay on record.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for doubt in found:
        for name in doubt.odd:
            wanted[name].append(doubt.image)
    added = 0
    for rater in log.raters():
        plan = log.plan(rater.id)
        reviewed = {one.image for one in plan if one.kind == "review"}
        first = {one.image: one for one in plan if one.kind == "test"}
        again = [first[image] for image in wanted.get(rater.name, []) if image in first and image not in reviewed]
        draw = random.Random(f"{seed}/{rater.name}/review/{len(plan)}")  # noqa: S311 - an order, not a secret
        order = spaced(draw.sample(again, len(again)))
        log.extend(rater.id, [Presentation("review", one.image, one.source, one.other) for one in order])
        added += len(order)
    return added
