"""Looking at every file of a dataset: what is missing, unreadable, twice there, or not as declared."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from iqabench.datasets.items import DatasetSpec, Item, fact_text
from iqabench.errors import ImageError
from iqabench.images import read_image, read_size
from iqabench.text import amount

_WORKERS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What was found. ``duplicates`` are groups of files with the same bytes; ``surprises`` are counts, scores and
    cells that are not as the dataset's maker published them."""

    dataset: str
    path: str
    items: int
    references: int
    rated: int
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]
    duplicates: tuple[tuple[str, ...], ...]
    surprises: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not (self.missing or self.unreadable or self.duplicates or self.surprises)


def audit(
    spec: DatasetSpec,
    path: Path,
    *,
    decode: bool = False,
    advance: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005
) -> Audit:
    """Read the labels, then every image's header, or with ``decode`` the whole image. Raises DatasetError.

    ``advance`` is told how many files have been looked at, of how many.
    """
    from iqabench.datasets.location import locate

    items = spec.read(path)
    declared = spec.as_read(path)
    images = list(dict.fromkeys(item.image for item in items))
    references = list(dict.fromkeys(item.reference for item in items if item.reference))
    files = [*images, *(file for file in references if file not in set(images))]
    problems: dict[Path, str] = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        for done, (file, problem) in enumerate(zip(files, pool.map(_looker(decode), files), strict=True), 1):
            if problem:
                problems[file] = problem
            advance(done, len(files))
    missing = [file for file in files if problems.get(file) == _MISSING]
    surprises = _mos_surprises(declared, items)
    if not locate(path, spec).given:
        surprises += _count_surprises(declared, items)
    return Audit(
        dataset=spec.name,
        path=str(path),
        items=len(items),
        references=len(references),
        rated=sum(item.mos is not None for item in items),
        missing=tuple(map(str, missing)),
        unreadable=tuple(problem for problem in problems.values() if problem != _MISSING),
        duplicates=_duplicates([file for file in images if file not in problems]),
        surprises=tuple(surprises),
    )


_MISSING = "missing"


def _looker(decode: bool) -> Callable[[Path], str]:
    def look(file: Path) -> str:
        if not os.path.lexists(file):
            return _MISSING
        try:
            if decode:
                read_image(file)
            else:
                read_size(file)
        except ImageError as error:
            return str(error.message)
        return ""

    return look


def _duplicates(files: Sequence[Path]) -> tuple[tuple[str, ...], ...]:
    """Groups of files with the same bytes; only files of one size are read."""
    by_size: defaultdict[int, list[Path]] = defaultdict(list)
    for file in files:
        by_size[file.stat().st_size].append(file)
    by_digest: defaultdict[str, list[str]] = defaultdict(list)
    for same in by_size.values():
        if len(same) > 1:
            for path in same:
                with path.open("rb") as opened:
                    by_digest[hashlib.file_digest(opened, "sha256").hexdigest()].append(str(path))
    return tuple(tuple(group) for group in by_digest.values() if len(group) > 1)


def _mos_surprises(spec: DatasetSpec, items: Sequence[Item]) -> list[str]:
    found = []
    if unrated := sum(item.mos is None for item in items):
        found.append(
            f"{unrated} of {amount(len(items), 'image')} {'has' if unrated == 1 else 'have'} no {spec.measure}"
        )
    if spec.mos_range:
        low, high = spec.mos_range
        slack = 1e-6 * (high - low)
        outside = [item for item in items if item.mos is not None and not low - slack <= item.mos <= high + slack]
        if outside:
            first = f"{outside[0].name} has {outside[0].mos:g}"
            found.append(f"{amount(len(outside), 'score is', 'scores are')} outside {low:g} to {high:g}, as {first}")
    return found


def _count_surprises(spec: DatasetSpec, items: Sequence[Item]) -> list[str]:
    found = []
    if spec.n is not None and len(items) != spec.n and not _sums_up(spec, items):
        found.append(f"{amount(len(items), 'image')}, {amount(spec.n, 'was', 'were')} published")
    for condition, expected in spec.counts.items():
        names = [part.partition("=")[0] for part in condition.split(",")]
        if all(any(name in item.facts for item in items) for name in names):
            count = sum(item.fits(condition) for item in items)
            if count != expected:
                found.append(f"{condition}: {amount(count, 'image')}, {amount(expected, 'was', 'were')} published")
    return found + _unexpected(spec, items)


def _sums_up(spec: DatasetSpec, items: Sequence[Item]) -> bool:
    """Whether there is more than was counted (a further split) but what was counted is there."""
    counted = sum(spec.counts.values())
    return len(items) > (spec.n or math.inf) and counted == spec.n and not _unexpected(spec, items)


def _unexpected(spec: DatasetSpec, items: Sequence[Item]) -> list[str]:
    """Values of the reported groups that no published count is of."""
    keys = {tuple(part.partition("=")[0] for part in condition.split(",")) for condition in spec.counts}
    if len(keys) != 1 or not set(names := keys.pop()) <= set(spec.groups):
        return []
    actual = Counter(
        ",".join(f"{name}={fact_text(item.facts[name])}" for name in names)
        for item in items
        if all(name in item.facts for name in names)
    )
    return [
        f"{cell}: {amount(count, 'image')}, none were published"
        for cell, count in actual.items()
        if cell not in spec.counts
    ]
