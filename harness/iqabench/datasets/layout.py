"""A dataset's folder: finding its files whatever their case, and never outside it."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError

_DRIVE = re.compile(r"[A-Za-z]:")


class Layout:
    """The files below ``folder``. Each subfolder is listed at most once; files are not looked at."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder} is not a folder.", hint="Give the folder that holds the dataset.")
        self.folder = folder
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def find(self, *names: str) -> Path | None:
        """The first of the files or folders named, relative to the folder, that is there."""
        for name in names:
            path, found = self._resolve(self.folder, name)
            if found:
                return path
        return None

    def need(self, *names: str) -> Path:
        """As ``find``. Raises DatasetError where none is there."""
        found = self.find(*names)
        if found is None:
            wanted = " nor ".join(dict.fromkeys(names))
            raise DatasetError(f"{self.folder}: holds {'neither' if len(names) > 1 else 'no'} {wanted}.")
        return found

    def image(self, name: str, row: Row, folders: Sequence[str] = ("",)) -> Path:
        """The file that a row names, in the first of ``folders`` that holds it; where none does, in the first that
        is there at all. Raises DatasetError for a name that is empty or leads out of the dataset's folder."""
        clean = inside(name, row)
        for folder in folders:
            path, found = self._resolve(self.folder, posixpath.join(folder, clean), row)
            if found:
                return path
        there = next((folder for folder in folders if self.find(folder)), folders[0])
        return self._resolve(self.folder, posixpath.join(there, clean))[0]

    def _resolve(self, folder: Path, name: str, row: Row | None = None) -> tuple[Path, bool]:
        """``name`` with the case of the files there, and whether it is there."""
        path = folder
        parts = [part for part in name.split("/") if part not in ("", ".")]
        for position, part in enumerate(parts):
            known = self._listing(path).get(_folded(part), [])
            if part not in known and len(known) > 1 and row is not None:
                raise row.error(f"{name!r} fits {' and '.join(known[:2])} alike", hint="Rename one of the files.")
            if not known:
                return path.joinpath(*parts[position:]), False
            path = path / (part if part in known else known[0])
        return path, True

    def _listing(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._listed:
            found: dict[str, list[str]] = {}
            try:
                for name in sorted(os.listdir(folder)):
                    found.setdefault(_folded(name), []).append(name)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise DatasetError(f"{folder}: cannot be listed ({error.strerror}).") from error
            self._listed[folder] = found
        return self._listed[folder]


def inside(name: str, row: Row) -> str:
    """A path as a label file writes it, with forward slashes. Raises DatasetError if it is empty or leads out."""
    clean = name.strip().replace("\\", "/")
    if not clean:
        raise row.error("names no image")
    normal = posixpath.normpath(clean)
    if clean.startswith("/") or _DRIVE.match(clean) or "\0" in clean or normal.split("/")[0] == ".." or normal == ".":
        raise row.error(f"{name!r} leads out of the dataset's folder", hint="Paths are relative to that folder.")
    return normal


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
