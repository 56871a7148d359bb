"""Folders of images: the simplest dataset."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from iqabench.datasets.items import Item
from iqabench.errors import DatasetError
from iqabench.images import SUFFIXES


def read_folder(folder: Path, *, references: Path | None = None) -> list[Item]:
    """Every image file below ``folder``, by name; hidden ones and other files are passed over.

    ``references`` is a folder with the pristine images, matched by name. Raises DatasetError.
    """
    paths = image_files(folder)
    if not paths:
        raise DatasetError(f"{folder} holds no image.", hint=f"Image files end in {', '.join(sorted(SUFFIXES))}.")
    names = [path.relative_to(folder).as_posix() for path in paths]
    pristine = match_by_name(names, references) if references else [None] * len(names)
    return [
        Item(name=name, image=path, reference=reference, source=name)
        for name, path, reference in zip(names, paths, pristine, strict=True)
    ]


def image_files(folder: Path) -> list[Path]:
    """Image files below ``folder``, sorted; a file is an image by its ending. Raises DatasetError."""
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder.", hint="Give a folder of images.")

    def refuse(error: OSError) -> None:
        raise DatasetError(f"{error.filename}: cannot be listed ({error.strerror}).")

    found = []
    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def match_by_name(names: Sequence[str], folder: Path) -> list[Path | None]:
    """For each name the file in ``folder`` that bears it, None where there is none.

    Tried in turn: the same relative path, the same path but for the ending, the same stem where only one
    file and one name bear it. Raises DatasetError where a stem fits several files.
    """
    files = {path.relative_to(folder).as_posix(): path for path in image_files(folder)}
    by_path: dict[str, list[Path]] = defaultdict(list)
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for name, path in files.items():
        by_path[os.path.splitext(name)[0]].append(path)
        by_stem[path.stem].append(path)
    stems = [Path(name).stem for name in names]
    matched: list[Path | None] = []
    for name, stem in zip(names, stems, strict=True):
        candidates = [files[name]] if name in files else by_path[os.path.splitext(name)[0]]
        if not candidates and stems.count(stem) == 1:
            candidates = by_stem[stem]
        if len(candidates) > 1:
            rivals = " and ".join(path.relative_to(folder).as_posix() for path in candidates[:2])
            raise DatasetError(f"{name} fits several files in {folder}: {rivals}.", hint="Rename all but one.")
        matched.append(candidates[0] if candidates else None)
    return matched
