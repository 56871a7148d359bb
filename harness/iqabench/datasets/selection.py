"""Choosing good photos from a rated dataset, to degrade and enhance them: AU-IQA took 400 of KonIQ-10k."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from iqabench.datasets.items import DatasetSpec, Item, fact_text
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError, UsageError
from iqabench.text import amount

_COLUMNS = ("img_name", "ref_name", "mos", "source")


def select_items(
    items: Sequence[Item],
    n: int,
    *,
    seed: int = 0,
    min_quantile: float = 0.75,
    higher_is_better: bool = True,
    per_source: int = 1,
) -> list[Item]:
    """``n`` items drawn from those whose MOS is at or above the quantile (0 takes all, 0.75 the best quarter).

    An item's place in the draw is a digest of seed and name: the draw does not depend on the order of the items, a
    smaller one is part of a larger one. At most ``per_source`` items show one content (0: no limit). Best first.
    Raises UsageError where there are fewer than ``n``, or none has MOS.
    """
    if n < 1:
        raise UsageError(f"n={n} is too few.", hint="Give 1 or more.")
    if not 0 <= min_quantile < 1:
        raise UsageError(f"A quantile of {min_quantile} cannot be.", hint="Give 0 (all) up to less than 1.")
    sign = 1.0 if higher_is_better else -1.0
    rated = sorted(((sign * item.mos, item) for item in items if item.mos is not None), key=lambda pair: pair[0])
    if not rated:
        raise UsageError("No image has MOS to choose by.")
    floor = rated[min(int(min_quantile * len(rated)), len(rated) - 1)][0]
    candidates = [item for quality, item in rated if quality >= floor]
    chosen: list[Item] = []
    taken: Counter[str] = Counter()
    for item in sorted(candidates, key=lambda item: _place(item, seed)):
        if per_source and taken[item.source] >= per_source:
            continue
        taken[item.source] += 1
        chosen.append(item)
        if len(chosen) == n:
            return sorted(chosen, key=lambda item: (-sign * (item.mos or 0.0), item.name))
    hint = "Lower --min-mos-quantile, or allow more with --per-source."
    raise UsageError(f"Only {len(chosen)} of the {amount(n, 'image')} asked for can be had.", hint=hint)


def to_csv(items: Sequence[Item], folder: Path, *, copied: bool = False) -> str:
    """A table that ``csv:FILE[folder=...]`` reads back: paths below ``folder``, MOS, source, facts.

    ``copied`` says that the images lie below ``folder`` by name.
    """
    facts = [name for name in dict.fromkeys(name for item in items for name in item.facts) if name not in _COLUMNS]
    pristine = any(item.reference for item in items) and not copied
    columns = ["img_name", *(["ref_name"] if pristine else []), "mos", "source", *facts]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for item in items:
        reference = [_below(item.reference, folder) if item.reference else ""] if pristine else []
        name = item.name if copied else _below(item.image, folder)
        mos = "" if item.mos is None else repr(item.mos)
        writer.writerow([name, *reference, mos, item.source, *(fact_text(item.facts.get(fact, "")) for fact in facts)])
    return out.getvalue()


def copy_images(items: Sequence[Item], folder: Path) -> None:
    """Copy each image to ``folder`` under its name; one that is there already, whole, is left. Raises DatasetError."""
    missing = [item for item in items if not item.image.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DatasetError(f"{missing[0].image}{more}: cannot be copied, there is no such file.")
    for item in items:
        target = folder / _safe(item.name)
        if target.exists():
            if _digest(target) != _digest(item.image):
                raise DatasetError(f"{target}: another image has that name.", hint="Give an empty folder.")
            continue
        temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(item.image, temporary)
            os.replace(temporary, target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise DatasetError(f"{target}: cannot be written ({error.strerror}).") from error


def write_text(path: Path, text: str) -> None:
    """Write a whole file, or nothing. Raises DatasetError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DatasetError(f"{path}: cannot be written ({error.strerror}).") from error


def image_folder(spec: DatasetSpec, path: Path, items: Sequence[Item]) -> Path:
    """The folder below which all images of a selection lie: the dataset's, or that which they share."""
    from iqabench.datasets.location import locate

    place = locate(path, spec).path
    files = [file for item in items for file in (item.image, item.reference) if file]
    if place.is_dir() and all(file.is_relative_to(place) for file in files):
        return place
    return Path(os.path.commonpath([file.parent for file in files]))


def _place(item: Item, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{item.name}".encode()).hexdigest()


def _below(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _safe(name: str) -> str:
    from iqabench.datasets.layout import inside

    return inside(name, Row(Path("selection"), "", {}))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
