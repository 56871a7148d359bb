"""The image files of a copy of AU-IQA, and which of them a label means."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from iqabench.datasets.auiqa.labels import Label
from iqabench.datasets.auiqa.names import Cell, Names
from iqabench.datasets.folder import image_files
from iqabench.datasets.layout import inside
from iqabench.text import printable


class Images:
    """Every image file below a folder, by its path there, with the cell that the path tells."""

    def __init__(self, folder: Path, names: Names) -> None:
        self._folder = folder
        self._names = names
        self._paths = {path.relative_to(folder).as_posix(): path for path in image_files(folder)}
        self._cells = {name: names.cell(name) for name in self._paths}
        self._by_key: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        for name in self._paths:
            for depth, key in enumerate(self._keys(name)):
                self._by_key[depth, key].append(name)

    def path(self, name: str) -> Path:
        return self._paths.get(name, self._folder / name)

    def cell(self, name: str) -> Cell:
        return self._cells[name] if name in self._cells else self._names.cell(name)

    def enhanced(self) -> list[str]:
        """Images whose path names an enhancer; originals and degraded copies do not."""
        return [name for name, cell in self._cells.items() if cell.enhancer]

    def find(self, label: Label) -> str:
        """The image that a label means: the one with that file name (or stem, or stem without the enhancer's name)
        that lies where the label says and whose cell is the label's. Where there is none, the name as written:
        the image is missing. Raises DatasetError where several fit."""
        written = inside(label.image, label.row)
        for depth, key in enumerate(self._keys(written)):
            fitting = [
                name for name in self._by_key[depth, key] if self._cells[name].complete().agrees(label.cell.complete())
            ]
            placed = [name for name in fitting if f"/{name}".casefold().endswith(f"/{written}".casefold())]
            found = placed or fitting
            if len(found) > 1:
                rivals = printable(" and ".join(found[:2]))
                hint = "Give task and enhancer columns, or paths, or a mapping."
                raise label.row.error(f"{label.image!r} fits {rivals} alike", hint=hint)
            if found:
                return found[0]
        return written if "/" in written else "/".join(filter(None, (label.cell.task, label.cell.enhancer, written)))

    def _keys(self, name: str) -> tuple[str, str, str]:
        """By what files are looked up, the strictest first."""
        base = name.rpartition("/")[2].casefold()
        stem = base.rpartition(".")[0] or base
        return base, stem, self._names.plain(stem)
