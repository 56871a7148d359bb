"""Tables that users bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.errors import UsageError

_COMPRESSED = (".gz", ".bz2", ".xz", ".zip", ".zst")


def read_csv(path: Path, *, text: bool = False) -> pd.DataFrame:
    """A CSV, plain or compressed, its columns separated by commas, semicolons or tabs. ``text`` leaves cells as they
    are. Raises UsageError."""
    try:
        frame: pd.DataFrame = pd.read_csv(
            path,
            sep=_separator(path),
            dtype=str if text else None,
            encoding="utf-8-sig",
            skipinitialspace=True,
        )
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, ValueError, pd.errors.ParserError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UsageError(f"{path}: cannot be read as a table ({reason}).") from error
    if frame.empty:
        raise UsageError(f"{path}: holds no rows.")
    frame.columns = [str(column).strip() for column in frame.columns]
    return frame


def _separator(path: Path) -> str:
    """What the header has most of; a compressed file is taken to be separated by commas."""
    if path.suffix in _COMPRESSED:
        return ","
    with path.open("rb") as file:
        header = file.readline(1 << 16)
    return max((",", ";", "\t"), key=lambda mark: header.count(mark.encode()))


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """A column as numbers (n,), nan where it is empty. Raises UsageError with the line of what is no number."""
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    wrong = np.flatnonzero(np.isnan(found) & column.notna().to_numpy() & (column.astype(str).str.strip() != ""))
    if wrong.size:
        text = str(column.iloc[int(wrong[0])])
        raise UsageError(
            f"Line {int(wrong[0]) + 2}: {text!r} in column {column.name!r} is no number.",
            hint="Leave a missing score empty, or write nan.",
        )
    return np.where(np.isinf(found), np.nan, found)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """The table under that name. Raises UsageError."""
    try:
        table.to_csv(path, index=False)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error}).") from error
