"""The page from a run: what is shown, and how much of it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.report.conclusion_sheets import conclusion_sheets
from iqabench.report.conclusions import Conclusions
from iqabench.report.page import failures, gallery, pack, summary
from iqabench.report.page.agreement import agreement
from iqabench.report.page.disagreement import Disagreement, disagreements
from iqabench.report.page.histograms import histograms
from iqabench.report.page.matrices import score_matrix
from iqabench.report.page.pictures import Album
from iqabench.report.page.template import render
from iqabench.report.page.wide import Floats, Wide, wide
from iqabench.report.sheet import Sheet

_THUMB = 176
_GALLERY = 0.7  # of the room for pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is read of a run folder. ``study`` is its study file as text."""

    folder: Path
    scores: pd.DataFrame
    images: pd.DataFrame
    manifest: Mapping[str, Any]
    study: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the page is made: its ``title``, up to ``photos`` in the gallery, ``width`` pixels wide, ``extremes`` images
    a side where scorer and people disagree, and the ``size`` in bytes that the page may have."""

    title: str = ""
    photos: int = 8
    width: int = 448
    extremes: int = 4
    size: int = 5_000_000


def build(run: Run, found: Conclusions | None, look: Look, *, paper: Sequence[Sheet] = ()) -> str:
    """The page as text. ``found`` are the conclusions from people's opinions, None where nobody judged; ``paper`` are
    sheets in a paper's layout, its figures beside ours.

    Pictures are left out from the first that does not fit into ``look.size``. Raises UsageError where even a page
    without pictures does not.
    """
    models = run.manifest["models"]
    table = wide(run.scores, run.images, models)
    mos = _better_mos(table, found)
    matrix = score_matrix(table)
    apart = disagreements(table, mos, _datasets(table), look.extremes)
    data = pack.images(table) | {"apart": [_packed(one) for one in apart], "judged": found is not None}
    if found is not None:
        data |= pack.opinions(table, found)
    shown: dict[str, Any] = {
        "title": look.title or run.folder.resolve().name or "iqabench",
        "numbers": summary.numbers(table),
        "says": [*(summary.conclusions(found) if found else ()), *summary.enhancers(matrix)],
        "cautions": [*summary.cautions(table, models), *(_marks(found) if found else ())],
        "judged": found is not None,
        "sheets": [*paper, *_sheets(found)] if found else [],
        "notes": found.notes if found else (),
        "matrix": matrix,
        "histograms": histograms(found.rated, found.groups) if found else [],
        "agreement": agreement(table, mos),
        "scorers": list(table.scorers),
        "tests": list(dict.fromkeys((one["metric"], one["mapping"]) for one in data.get("tests", ()))),
        "reasons": failures.reasons(run.scores, run.images),
        "failures": failures.rows(run.scores, run.images),
        "manifest": run.manifest,
        "study": run.study,
    }
    bare = render(shown | {"photos": [], "left_out": 0, "unlit": 0}, data, {}).encode("utf-8", "backslashreplace")
    room = look.size - len(bare)
    if room < 0:
        raise UsageError(
            f"The page needs {len(bare) / 1e6:.1f} MB without any picture: more than {look.size / 1e6:.1f} MB.",
            hint="Allow more with --max-mb.",
        )
    # What the pictures themselves do not fill goes to their names and reasons.
    large, photos = Album(run.folder, int(0.97 * room * _GALLERY)), gallery.photos(table)
    hung = gallery.hang(large, table, photos, most=look.photos, width=look.width)
    small = Album(run.folder, int(0.97 * room) - large.used)
    unlit = _thumbnails(small, table, apart)
    shown |= {"photos": hung, "left_out": len(photos) - len(hung), "unlit": unlit}
    data["photos"] = [{"name": photo.name, "versions": list(photo.versions)} for photo in hung]
    data["missing"] = {str(row): reason for album in (large, small) for row, reason in album.missing.items()}
    return render(shown, data, {"large": large.pictures, "small": small.pictures})


def _better_mos(table: Wide, found: Conclusions | None) -> Floats:
    """Opinions oriented (n,), nan where there is none."""
    mos = np.full(table.n, np.nan)
    if found is not None:
        mos[table.rows_of(found.rated.images)] = found.rated.better_mos()
    return mos


def _datasets(table: Wide) -> NDArray[np.intp]:
    return np.unique(table.images["dataset"], return_inverse=True)[1]


def _sheets(found: Conclusions) -> list[Sheet]:
    """The figures, without a table of errors of scores that are on no scale to err on."""
    there = found.table.groupby(["metric", "mapping"], sort=False)["value"].transform("count") > 0
    return conclusion_sheets(replace(found, table=found.table[there], notes=()))


def _marks(found: Conclusions) -> list[str]:
    marked = found.table[found.table["trained_on"] != ""]
    names = list(dict.fromkeys(marked["scorer"]))
    if not names:
        return []
    return [f"Trained on photos that they judge here, and marked with †: {', '.join(names)}."]


def _packed(one: Disagreement) -> dict[str, Any]:
    def side(rows: Sequence[int]) -> list[list[float]]:
        return [[row, round(float(one.own[row]), 1), round(float(one.other[row]), 1)] for row in rows]

    return {"kind": side(one.kind), "harsh": side(one.harsh)}


def _thumbnails(album: Album, table: Wide, apart: Sequence[Disagreement]) -> int:
    """Hang the first images of every scorer before the second of any; how many found no room."""
    sides = [side for one in apart for side in (one.kind, one.harsh)]
    turns = [side[place] for place in range(max(map(len, sides), default=0)) for side in sides if place < len(side)]
    return sum(not album.add(row, table.images.iloc[row], width=_THUMB) for row in dict.fromkeys(turns))
