"""LIVE release 2: 29 pristine photos under 5 distortions (Sheikh et al., TIP 2006)."""

from __future__ import annotations

from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.matlab import read_numbers, read_texts
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError

FOLDERS = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}
"""Distortions in the order of the score files, each with its number of images, undistorted ones among them."""


def load(path: Path, *, undistorted: bool) -> list[Item]:
    """DMOS, lower is better: realigned where ``dmos_realigned.mat`` is there, else that of ``dmos.mat``.

    ``undistorted`` keeps the 203 copies of pristine images that the score files mark. Facts: distortion, std.
    """
    layout = Layout(path)
    realigned = layout.find("dmos_realigned.mat")
    file = realigned or layout.need("dmos.mat", "dmos_realigned.mat")
    dmos = _numbers(file, "dmos_new" if realigned else "dmos")
    marks = _numbers(file, "orgs")
    spread = _numbers(file, "dmos_std") if realigned else []
    names_file = layout.need("refnames_all.mat")
    references = read_texts(names_file, "refnames_all")
    _require_whole(names_file, "refnames_all", len(references))
    places = [(folder, number) for folder, count in FOLDERS.items() for number in range(1, count + 1)]
    items = []
    for position, (folder, number) in enumerate(places):
        if marks[position] and not undistorted:
            continue
        row = Row(file, f"entry {position + 1}", {"dmos": str(dmos[position])})
        facts: dict[str, Fact] = {"distortion": folder}
        if spread:
            facts["std"] = spread[position]
        items.append(
            Item(
                name=f"{folder}/img{number}.bmp",
                image=layout.image(f"img{number}.bmp", row, [folder]),
                reference=layout.image(references[position], row, ["refimgs"]),
                source=references[position].rpartition(".")[0].lower(),
                mos=row.number("dmos"),
                facts=facts,
            )
        )
    return items


def _numbers(file: Path, variable: str) -> list[float]:
    numbers = read_numbers(file, variable)
    _require_whole(file, variable, len(numbers))
    return numbers


def _require_whole(file: Path, variable: str, found: int) -> None:
    expected = sum(FOLDERS.values())
    if found != expected:
        raise DatasetError(f"{file}: {variable} holds {found} entries, release 2 has {expected}.")
