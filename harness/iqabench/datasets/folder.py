"""Folders of images: the simplest dataset."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from iqabench.datasets.items import Item
from iqabench.errors import DatasetError
from iqabench.images import SUFFIXES
from iqabench.text import printable

JOURNAL = "journal.sqlite"
"""The file that marks a run folder."""


def read_folder(folder: Path, *, references: Path | None = None) -> list[Item]:
    """Every image file below ``folder``, by name; hidden ones, other files and run folders are passed over.

    ``references`` is a folder with the pristine images, matched by name. Raises DatasetError.
    """
    paths = image_files(folder)
    if not paths:
        raise DatasetError(f"{folder} holds no image.", hint=f"Image files end in {', '.join(sorted(SUFFIXES))}.")
    names = [_name(path, folder) for path in paths]
    pristine = match_by_name(names, references) if references else [None] * len(names)
    return [
        Item(name=name, image=path, reference=reference, source=name)
        for name, path, reference in zip(names, paths, pristine, strict=True)
    ]


def image_files(folder: Path) -> list[Path]:
    """Image files below ``folder``, sorted; a file is an image by its ending. Raises DatasetError.

    A run folder further down is passed over, lest a run take what an earlier one made for photos.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder.", hint="Give a folder of images.")

    def refuse(error: OSError) -> None:
        raise DatasetError(f"{error.filename}: cannot be listed ({error.strerror}).")

    found = []
    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=False):
        folders[:] = [
            name for name in folders if not name.startswith(".") and not Path(parent, name, JOURNAL).is_file()
        ]
        found += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def match_by_name(names: Sequence[str], folder: Path) -> list[Path | None]:
    """For each name the file in ``folder`` that bears it, None where there is none.

    Tried in turn: the same relative path, the same path but for the ending, the same stem where only one
    file and one name bear it. Raises DatasetError where a name fits several files.
    """
    paths = image_files(folder)
    by_name, by_path, by_stem = (_sorted_by(key, paths, folder) for key in (_composed, _endless, _stem))
    stems = Counter(map(_stem, names))
    matched: list[Path | None] = []
    for name in names:
        candidates = by_name[_composed(name)] or by_path[_endless(name)]
        if not candidates and stems[_stem(name)] == 1:
            candidates = by_stem[_stem(name)]
        if len(candidates) > 1:
            rivals = " and ".join(_name(path, folder) for path in candidates[:2])
            raise DatasetError(f"{name} fits several files in {folder}: {rivals}.", hint="Rename all but one.")
        matched.append(candidates[0] if candidates else None)
    return matched


def _sorted_by(key: Callable[[str], str], paths: Sequence[Path], folder: Path) -> defaultdict[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found[key(_name(path, folder))].append(path)
    return found


def _name(path: Path, folder: Path) -> str:
    """The name of an item: its path below the folder, with whatever cannot be printed escaped."""
    return printable(path.relative_to(folder).as_posix())


def _composed(name: str) -> str:
    """File systems differ in how they write an accent; names that look the same are the same."""
    return unicodedata.normalize("NFC", printable(name))


def _endless(name: str) -> str:
    return os.path.splitext(_composed(name))[0]


def _stem(name: str) -> str:
    return _endless(name).rpartition("/")[2]
