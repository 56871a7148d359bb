"""A table to be printed, before it is known how: in a terminal, or as Markdown, LaTeX or HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

Mark = Literal["", "best", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cell: ``text``, fainter ``aside`` on the same line, and ``below`` it what the text rests on.

    ``mark``: "best" of all, or of its "group". ``alarm``: what it rests on is less than it should be. ``value`` is the
    number itself, by which a column is sorted; nan where there is none.
    """

    text: str
    aside: str = ""
    below: str = ""
    mark: Mark = ""
    alarm: bool = False
    value: float = math.nan

    def line(self) -> str:
        """All of it on one line, without marks."""
        return " ".join(filter(None, (self.text, self.aside, self.below)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``labels`` come first, then the entries."""

    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    section: bool = False
    """Whether a new section begins here."""
    apart: bool = False
    """Whether it is no row among the others, but what they are to be measured by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """``headings`` are the columns' names, those of the labels first. ``notes`` are sentences below the table."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def labels(self) -> int:
        """How many leading columns are labels."""
        return len(self.rows[0].labels) if self.rows else 1


def plain(title: str, headings: tuple[str, ...], rows: list[tuple[object, ...]], *, labels: int = 1) -> Sheet:
    """A sheet of text as it is: the first ``labels`` values of each row are its labels."""
    return Sheet(
        title=title,
        headings=headings,
        rows=tuple(
            Row(
                labels=tuple(map(str, row[:labels])),
                entries=tuple(Entry(text=str(value)) for value in row[labels:]),
            )
            for row in rows
        ),
    )
