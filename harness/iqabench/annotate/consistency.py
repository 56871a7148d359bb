"""What the organiser watches: how far each rater is, how they agree with the others and with themselves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iqabench.annotate.log import effective
from iqabench.annotate.settings import SCALE
from iqabench.annotate.votes import long_table, votes_of
from iqabench.report.votes import counted
from iqabench.stats.reliability import discrepancies, inter_rater_plcc, mean_off_diagonal
from iqabench.stats.screening import against_the_others

if TYPE_CHECKING:
    from iqabench.annotate.panel import Panel

GOLD_WITHIN = 1.0
"""A vote on a pristine photo counts as right this near to the best."""
_APART = 3.0
_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class RaterLine:
    """One rater. ``minutes_ago`` is the last vote, ``seconds`` the median from display to vote; ``plcc`` against the
    mean of the others, ``repeats`` against the rater's own first votes; None where it cannot be told yet."""

    name: str
    address: str
    done: int
    total: int
    minutes_ago: float | None
    seconds: float | None
    plcc: float | None
    repeats: float | None
    gold: str
    levels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Differing:
    image: str
    distance: float
    votes: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    method: str
    votes: int
    raters: tuple[RaterLine, ...]
    mean_plcc: float | None
    differing: tuple[Differing, ...]
    more_differing: int


def overview(panel: Panel) -> Overview:
    """All of it, from the votes on record now."""
    table = long_table(panel.log)
    judged = panel.method != "pc" and not counted(table).empty
    votes = votes_of(table) if judged else None
    agreement = against_the_others(votes.table) if votes and len(votes.raters) > 1 else None
    lines = []
    for rater in panel.log.raters():
        own = table[table["rater"] == rater.name]
        at = votes.raters.index(rater.name) if votes and rater.name in votes.raters else None
        last = own["t"].max() if len(own) else None
        lines.append(
            RaterLine(
                name=rater.name,
                address=f"/r/{rater.token}",
                done=len(effective(panel.log.events(rater.id))),
                total=panel.log.length(rater.id),
                minutes_ago=(time.time() - last) / 60 if last is not None else None,
                seconds=_known(own["duration"].median()) if len(own) else None,
                plcc=_known(agreement.plcc[at]) if agreement and at is not None else None,
                repeats=_repeats(own),
                gold=_gold(own),
                levels=own["vote"].nunique(),
            )
        )
    apart = discrepancies(votes.table, at_least=_APART) if votes else []
    shown = [
        Differing(
            image=votes.stimuli[one.stimulus],
            distance=one.distance,
            votes=", ".join(
                f"{name} {vote:g}"
                for name, vote in zip(votes.raters, votes.table[one.stimulus], strict=True)
                if np.isfinite(vote)
            ),
        )
        for one in (apart[:_SHOWN] if votes else [])
        if votes
    ]
    return Overview(
        method=panel.method,
        votes=len(table),
        raters=tuple(lines),
        mean_plcc=_known(mean_off_diagonal(inter_rater_plcc(votes.table))) if votes and agreement else None,
        differing=tuple(shown),
        more_differing=max(0, len(apart) - _SHOWN),
    )


def _repeats(own: pd.DataFrame) -> float | None:
    """PLCC of the votes on images shown twice."""
    first = own[own["kind"] == "test"].set_index("image")["vote"]
    again = own[own["kind"] == "repeat"].set_index("image")["vote"]
    both = pd.concat([first, again], axis=1, join="inner").to_numpy(dtype=float)
    if len(both) < 3 or not both.std(axis=0).all():
        return None
    return float(np.corrcoef(both.T)[0, 1])


def _gold(own: pd.DataFrame) -> str:
    gold = own.loc[own["kind"] == "gold", "vote"]
    return f"{int((gold >= SCALE[1] - GOLD_WITHIN).sum())}/{len(gold)}" if len(gold) else ""


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
