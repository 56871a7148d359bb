"""A dataset made by ``iqabench dataset build``: its folder, its list of images, and its items.

::

    images.csv      a row an image: file, source, role, task, degrader, enhancer, reference, sha256, width, height
    dataset.json    everything needed to make it again: selection, models with parameters and weights, seed
    study.toml      the same as a study file, for the same command
    README.md       the dataset card
    sources/        the photos, as they were
    degraded/DEGRADER/          enhanced/DEGRADER/ENHANCER/
    mos.csv         people's opinion, once there is some: image, mos, low, high, std, votes
    annotation/     the raters' votes
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError
from iqabench.text import printable

IMAGES, FACTS, MOS, VOTES = "images.csv", "dataset.json", "mos.csv", "annotation"
Role = Literal["source", "degraded", "enhanced"]
ROLES: tuple[Role, ...] = ("source", "degraded", "enhanced")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One image. ``file`` and ``reference`` are relative to the dataset's folder, with forward slashes;
    ``reference`` is the source where it is of the same size, else empty."""

    file: str
    source: str
    role: Role
    task: str = ""
    degrader: str = ""
    enhancer: str = ""
    reference: str = ""
    sha256: str
    width: int
    height: int


COLUMNS = tuple(field.name for field in fields(Entry))


def read_entries(folder: Path) -> list[Entry]:
    """The list of images in a dataset's folder. Raises DatasetError naming the row that is wrong."""
    if not (folder / IMAGES).is_file():
        raise DatasetError(
            f"{folder} is not a dataset that iqabench built.", hint="Make one with: iqabench dataset build"
        )
    table = read_table(folder / IMAGES)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise DatasetError(f"{table.file}: has no column {missing[0]}.", hint="Build the dataset again.")
    return [_entry(row) for row in table.by("file").values()]


def to_csv(entries: Iterable[Entry]) -> str:
    """The text of ``images.csv``."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, entries))
    return out.getvalue()


def load(path: Path, *, role: str, range: str = "") -> list[Item]:  # noqa: A002, ARG001 - read by the declaration
    """Items by file: the enhanced images, or those of another ``role``. Facts: role, task, degrader, enhancer, std.

    MOS is there where people's opinion is (``mos.csv``).
    """
    layout = Layout(path)
    opinions = _opinions(path)
    items = []
    for number, entry in enumerate(read_entries(path), 2):
        if role not in ("all", entry.role):
            continue
        row = Row(path / IMAGES, f"row {number}", {})
        facts: dict[str, Fact] = {
            "role": entry.role,
            "task": entry.task,
            "degrader": entry.degrader,
            "enhancer": entry.enhancer.removeprefix(f"{entry.task}."),
        }
        mos, std = opinions.get(entry.file, (None, None))
        if std is not None:
            facts["std"] = std
        items.append(
            Item(
                name=printable(entry.file),
                image=layout.image(entry.file, row),
                reference=layout.image(entry.reference, row) if entry.reference else None,
                source=printable(entry.source),
                mos=mos,
                facts={name: value for name, value in facts.items() if value != ""},
            )
        )
    return items


def _opinions(folder: Path) -> dict[str, tuple[float | None, float | None]]:
    path = folder / MOS
    if not path.is_file():
        return {}
    table = read_table(path)
    image, mos = table.need("image"), table.need("mos")
    std = table.find("std")
    return {name: (row.optional(mos), row.optional(std) if std else None) for name, row in table.by(image).items()}


def _entry(row: Row) -> Entry:
    texts = {name: row.cells.get(name, "").strip() for name in COLUMNS}
    role = texts["role"]
    if role not in ROLES:
        raise row.error(f"role {role!r} is none of {', '.join(ROLES)}")
    for name in ("file", "source", "sha256"):
        row.text(name)
    return Entry(
        **{**texts, "role": role, "width": int(row.number("width")), "height": int(row.number("height"))}  # type: ignore[arg-type]
    )


def of_role(entries: Sequence[Entry], role: Role) -> list[Entry]:
    return [entry for entry in entries if entry.role == role]
