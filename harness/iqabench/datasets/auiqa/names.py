"""How files may call AU-IQA's tasks and enhancers. The release documents no names, so all plausible ones count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

CELLS = {
    "sr": ("diffbir", "osediff", "pasd", "supir"),
    "lle": ("glare", "lightendiff", "nerco", "quadprior"),
    "dn": ("diffbir", "maskdn", "pasd", "supir"),
}
"""The study's twelve cells: four enhancers a task."""
UNKNOWN = "unknown"

_ENHANCERS = {
    "diffbir": r"diff[-_ ]?bir",
    "osediff": r"ose[-_ ]?diff",
    "pasd": r"pasd",
    "supir": r"supir",
    "glare": r"glare",
    "lightendiff": r"lighten[-_ ]?diff(usion)?",
    "nerco": r"nerco",
    "quadprior": r"quad[-_ ]?prior",
    "maskdn": r"mask(ed)?[-_ ]?(image[-_ ]?)?(dn|denois(e|ing|er))",
}
_TASKS = {
    "sr": r"super|blur|low[-_ ]?res|(?<![a-z])s[-_ ]?r(?![a-z])|(?<![a-z])lr(?![a-z])",
    "lle": r"light|lighten|(?<![a-z])dark|(?<![a-z])lle(?![a-z])|(?<![a-z])lol(?![a-z])",
    "dn": r"nois(e|y)|denois|(?<![a-z])dn(?![a-z])",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A task and an enhancer; the empty text for what is not said."""

    task: str = ""
    enhancer: str = ""

    def over(self, other: Cell) -> Cell:
        """This cell, with what it leaves open taken from ``other``."""
        return Cell(self.task or other.task, self.enhancer or other.enhancer)

    def agrees(self, other: Cell) -> bool:
        """Whether neither says what the other denies."""
        return self.over(other) == other.over(self)

    def complete(self) -> Cell:
        """With the task that follows where only one task has the enhancer."""
        tasks = [task for task, enhancers in CELLS.items() if self.enhancer in enhancers]
        return Cell(tasks[0], self.enhancer) if not self.task and len(tasks) == 1 else self


@dataclass(frozen=True, slots=True)
class Names:
    """The aliases, the user's own before the built-in ones. Keys of ``tasks`` and ``enhancers`` are matched whole,
    without regard to case, against folder names and words of file names."""

    tasks: Mapping[str, str] = field(default_factory=dict)
    enhancers: Mapping[str, str] = field(default_factory=dict)

    def cell(self, text: str) -> Cell:
        """What a path, a sheet's name or a cell of a table says, its innermost part first."""
        found = Cell()
        for part in reversed(re.split(r"[/\\]", text)):
            found = found.over(self._cell_of_part(part))
        return found

    def _cell_of_part(self, part: str) -> Cell:
        task, enhancer = _own(self.tasks, part), _own(self.enhancers, part)
        rest = part.casefold()
        for name, pattern in _ENHANCERS.items():
            if re.search(pattern, rest):
                enhancer = enhancer or name
                # What names the enhancer says nothing more: LightenDiffusion is no word for a task.
                rest = re.sub(pattern, " ", rest)
        tasks = [name for name, pattern in _TASKS.items() if re.search(pattern, rest)]
        return Cell(task or (tasks[0] if len(tasks) == 1 else ""), enhancer)

    def plain(self, stem: str) -> str:
        """A file's stem without the words that name an enhancer or a task."""
        rest = stem.casefold()
        for alias in (*self.tasks, *self.enhancers):
            rest = rest.replace(alias.casefold(), " ")
        for pattern in (*_ENHANCERS.values(), *_TASKS.values()):
            rest = re.sub(pattern, " ", rest)
        return re.sub(r"[-_. ]+", "_", rest).strip("_") or stem


def _own(aliases: Mapping[str, str], part: str) -> str:
    words = {part.casefold(), *re.split(r"[-_. ]+", part.casefold())}
    return next((name for alias, name in aliases.items() if alias.casefold() in words), "")
