"""Tables of labels: rows that can be asked for text and numbers, and that say where they stand when they cannot."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iqabench.errors import DatasetError
from iqabench.text import printable

_IGNORED = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by column, as text, and where it stands in words (``row 3``)."""

    file: Path
    where: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell, stripped. Raises DatasetError where it is empty."""
        found = self.cells.get(column, "").strip()
        if not found:
            raise self.error(f"{column!r} is empty")
        return found

    def number(self, column: str) -> float:
        """The cell as a finite number; a decimal comma is understood. Raises DatasetError."""
        found = self.optional(column)
        if found is None:
            raise self.error(f"has no {column}")
        return found

    def optional(self, column: str) -> float | None:
        """As ``number``, None for an empty cell or NaN."""
        text = self.cells.get(column, "").strip()
        if text.lower() in ("", "nan", "na", "n/a", "none", "null", "-"):
            return None
        value = as_number(text)
        if value is None:
            raise self.error(f"{column} {text!r} is not a number")
        return value

    def error(self, what: str, *, hint: str = "") -> DatasetError:
        return DatasetError(printable(f"{self.file}, {self.where}: {what}."), hint=hint)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file, or of one sheet of it. Without a header the columns are called 1, 2, 3..."""

    file: Path
    columns: tuple[str, ...]
    rows: Sequence[Row]
    sheet: str = ""
    headed: bool = True

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, *names: str) -> str | None:
        """The first of ``names`` that is a column, whatever its case, spaces and punctuation."""
        known = {folded(column): column for column in reversed(self.columns)}
        return next((known[folded(name)] for name in names if folded(name) in known), None)

    def need(self, *names: str) -> str:
        """As ``find``. Raises DatasetError where there is none."""
        found = self.find(*names)
        if found is None:
            has = ", ".join(self.columns[:20])
            raise DatasetError(
                printable(f"{self.file}: has no column {' or '.join(names[:4])}."), hint=f"It has: {has}."
            )
        return found

    def by(self, column: str) -> dict[str, Row]:
        """The rows by one column. Raises DatasetError where two rows hold the same."""
        found: dict[str, Row] = {}
        for row in self.rows:
            key = row.text(column)
            if key in found:
                raise row.error(f"{key!r} is in {found[key].where} already", hint="Remove one of the rows.")
            found[key] = row
        return found


def as_number(text: str) -> float | None:
    """A finite number, written with a point or a decimal comma, or None."""
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def folded(name: str) -> str:
    """A column's name without case, spaces and punctuation."""
    return _IGNORED.sub("", name).casefold()
