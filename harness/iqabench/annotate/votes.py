"""The votes that hold, as tables: long, wide, and SUREAL's JSON; and votes from elsewhere brought in."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from iqabench.annotate.log import Log, effective
from iqabench.annotate.order import Presentation
from iqabench.datasets.built import read_entries
from iqabench.errors import UsageError
from iqabench.report.votes import Votes, counted, long_votes, read_votes
from iqabench.runner.manifest import write_text
from iqabench.text import amount

COLUMNS = ("rater", "image", "vote", "t", "duration", "order", "kind", "other")
FORMATS = ("long", "wide", "sureal")


def long_table(log: Log) -> pd.DataFrame:
    """A row for every vote that was not taken back: ``COLUMNS``.

    ``t`` is in seconds since 1970, ``duration`` in seconds from display to vote, ``order`` the place in the rater's
    list. ``kind`` is train, dummy, test, gold, repeat or review; ``other`` the image beside it. Both votes on an
    image that was reviewed are there.
    """
    rows = []
    for rater in log.raters():
        plan = log.plan(rater.id)
        for position, event in sorted(effective(log.events(rater.id)).items()):
            shown = plan[position]
            rows.append(
                (rater.name, shown.image, event.vote, event.t, event.duration, position, shown.kind, shown.other)
            )
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def votes_of(table: pd.DataFrame) -> Votes:
    """The counted votes of a long table, repeats averaged, as statistics take them. Raises UsageError for none."""
    if counted(table).empty:
        raise UsageError("There are no votes yet.")
    return long_votes(table)


def export(log: Log, form: str, path: Path) -> int:
    """Write all votes as ``FORMATS`` say; gives how many. Raises UsageError and StoreError."""
    table = long_table(log)
    if table.empty:
        raise UsageError("There are no votes yet.")
    if form == "long":
        write_text(path, table.to_csv(index=False))
        return len(table)
    votes = votes_of(table)
    if form == "wide":
        frame = pd.DataFrame(votes.table, columns=list(votes.raters))
        frame.insert(0, "image", list(votes.stimuli))
        write_text(path, frame.to_csv(index=False))
    else:
        write_text(path, json.dumps(sureal(votes), indent=1))
    return int(np.isfinite(votes.table).sum())


def sureal(votes: Votes) -> dict[str, object]:
    """SUREAL's dataset: a stimulus each, with opinion scores by rater, ``content_id`` and ``asset_id`` numbered."""
    sources = {name: number for number, name in enumerate(dict.fromkeys(map(_content, votes.stimuli)))}
    return {
        "dataset_name": "iqabench",
        "ref_videos": [{"content_id": number, "content_name": name, "path": name} for name, number in sources.items()],
        "dis_videos": [
            {
                "content_id": sources[_content(name)],
                "asset_id": number,
                "path": name,
                "os": {
                    rater: float(vote)
                    for rater, vote in zip(votes.raters, votes.table[number], strict=True)
                    if math.isfinite(vote)
                },
            }
            for number, name in enumerate(votes.stimuli)
        ],
    }


def bring_in(folder: Path, log: Log, path: Path, *, columns: Mapping[str, str] | None = None) -> int:
    """Votes from a file of any form that ``read_votes`` reads, as votes of its raters; gives how many were new.

    The same file again adds nothing. Raises UsageError for an image that the dataset does not have.
    """
    votes = read_votes(path, **(columns or {}))
    images = {entry.file: entry.source for entry in read_entries(folder)}
    strange = [name for name in votes.stimuli if name not in images]
    if strange:
        raise UsageError(
            f"{path}: {amount(len(strange), 'image is', 'images are')} not in the dataset, {strange[0]} first.",
            hint="Votes name images as images.csv does.",
        )
    raters = {rater.name: rater for rater in log.raters()}
    added = 0
    for at, name in enumerate(votes.raters):
        rater = raters.get(name) or log.add_rater(name)
        cast = [
            (image, vote) for image, vote in zip(votes.stimuli, votes.table[:, at], strict=True) if np.isfinite(vote)
        ]
        there = {one.image: place for place, one in enumerate(log.plan(rater.id)) if one.kind == "test"}
        new = [image for image, _ in cast if image not in there]
        start = log.length(rater.id)
        log.extend(rater.id, [Presentation("test", image, images[image]) for image in new])
        there |= {image: start + place for place, image in enumerate(new)}
        held = effective(log.events(rater.id))
        for image, vote in cast:
            if there[image] in held:
                continue
            nonce = hashlib.sha256(f"import/{image}/{vote}".encode()).hexdigest()[:32]
            added += log.add(rater.id, nonce, "vote", position=there[image], vote=float(vote))
    return added


def _content(image: str) -> str:
    return image.rpartition("/")[2].rpartition(".")[0]
