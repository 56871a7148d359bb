"""A built dataset in the forms that other tools read: a Hugging Face ``datasets`` folder, pyiqa's meta CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from iqabench.construct.placing import place
from iqabench.datasets.built import MOS, Role, load, read_entries
from iqabench.datasets.items import Item, fact_text
from iqabench.errors import DatasetError
from iqabench.runner.manifest import write_text
from iqabench.text import amount

_REFERENCES = "references"
_YAML = """\
---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/**
task_categories:
- image-classification
tags:
- image-quality-assessment
---
"""


def to_hugging_face(folder: Path, out: Path, *, role: Role = "enhanced") -> int:
    """An ImageFolder with metadata: ``load_dataset("imagefolder", data_dir=OUT)``. Gives the number of images.

    Images lie under ``data/``, and ``data/metadata.csv`` has a row for each: file_name, mos, std, task, degrader,
    enhancer, source, reference. Files are linked where the file system allows it, else copied.
    """
    items = _items(folder, role)
    rows: list[list[str]] = []
    for item in items:
        place(folder / item.name, out / "data" / item.name)
        rows.append([item.name, _mos(item), *(_fact(item, name) for name in ("std", "task", "degrader", "enhancer"))])
        rows[-1] += [item.source, f"{_REFERENCES}/{item.reference.relative_to(folder)}" if item.reference else ""]
    columns = ["file_name", "mos", "std", "task", "degrader", "enhancer", "source", "reference"]
    for reference in sorted({row[-1] for row in rows if row[-1]}):
        place(folder / reference.removeprefix(f"{_REFERENCES}/"), out / reference)
    write_text(out / "data" / "metadata.csv", _csv(columns, rows))
    card = folder / "README.md"
    write_text(out / "README.md", _YAML + (card.read_text(encoding="utf-8") if card.is_file() else ""))
    return len(items)


def to_pyiqa(folder: Path, out: Path, *, role: Role = "enhanced") -> int:
    """pyiqa's meta CSV, full-reference where every image has a reference: ref_name, dist_name, mos[, std].

    Paths are relative to the dataset's folder. Gives the number of images; raises DatasetError where they lack MOS.
    """
    items = _items(folder, role)
    if unrated := [item.name for item in items if item.mos is None]:
        told = f"{len(unrated)} of {amount(len(items), 'image')} {'has' if len(unrated) == 1 else 'have'} no MOS"
        raise DatasetError(
            f"{told}, {unrated[0]} first.",
            hint=f"pyiqa's tables need it; it comes into {folder / MOS} by: iqabench mos {folder}",
        )
    paired = all(item.reference for item in items)
    spread = all("std" in item.facts for item in items)
    columns = [*(["ref_name", "dist_name"] if paired else ["img_name"]), "mos", *(["std"] if spread else [])]
    rows = [
        [
            *([item.reference.relative_to(folder).as_posix()] if paired and item.reference else []),
            item.name,
            _mos(item),
            *([_fact(item, "std")] if spread else []),
        ]
        for item in items
    ]
    write_text(out, _csv(columns, rows))
    return len(items)


def _items(folder: Path, role: Role) -> list[Item]:
    read_entries(folder)
    items = load(folder, role=role)
    if not items:
        raise DatasetError(f"{folder} has no image of the role {role}.")
    return items


def _mos(item: Item) -> str:
    return "" if item.mos is None else repr(item.mos)


def _fact(item: Item, name: str) -> str:
    return fact_text(item.facts.get(name, ""))


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *rows])
    return text.getvalue()
