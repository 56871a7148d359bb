"""The run folder: the journal of cells, the images made, and the lock that keeps a second process out.

The journal is SQLite in write-ahead mode, written by one process only. A cell is recorded after its image is
whole on disk, so a kill at any moment loses no more than what was in flight.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from iqabench.datasets.folder import JOURNAL
from iqabench.errors import StoreError
from iqabench.plan import Cell

Status = Literal["done", "failed"]
_SCHEMA = """
create table if not exists cells (
    key text primary key, status text not null, score real, seconds real, device text, reason text
) without rowid;
create table if not exists files (
    path text primary key, size integer, mtime integer, digest text, height integer, width integer
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell. ``score`` is None for an image and for a failure; ``reason`` is one line."""

    key: str
    status: Status
    score: float | None = None
    seconds: float = 0.0
    device: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What was read off an image file when last looked at; ``size`` in bytes, ``mtime`` in nanoseconds."""

    path: str
    size: int
    mtime: int
    digest: str
    height: int
    width: int


class Store:
    """An open run folder. Use it as a context manager; ``lock`` it before writing."""

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self.folder = folder
        journal = folder / JOURNAL
        if not create and not journal.is_file():
            raise StoreError(f"{folder} is not a run folder.", hint="Give the folder that `iqabench run --out` named.")
        with _named(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(journal, timeout=60, isolation_level=None)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.executescript(_SCHEMA)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @contextmanager
    def lock(self, *, waiting: object = None) -> Iterator[None]:
        """Hold the folder alone. Where another process holds it, call ``waiting`` once, then wait for it.

        The lock is the operating system's, so that a killed process leaves none behind.
        """
        with _named(self.folder):
            lock = FileLock(self.folder / ".lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if callable(waiting):
                    waiting()
                lock.acquire()
        try:
            self._clear_scratch()
            yield
        finally:
            lock.release()

    @property
    def scratch(self) -> Path:
        """Where workers write images before these take their place."""
        return self.folder / ".scratch"

    def _clear_scratch(self) -> None:
        """Remove what a killed process left half written."""
        for path in (*self.scratch.glob(".*.tmp"), *self.folder.glob(".*.tmp")):
            with _named(self.folder):
                path.unlink(missing_ok=True)

    def image_path(self, cell: Cell) -> Path:
        """Where the image of a degrade or enhance cell lies: readable names, unique by its key."""
        folders = (slug(part) for part in (cell.degrader or "original", cell.enhancer or "degraded"))
        stem = os.path.splitext(cell.filed)[0]
        return self.folder.joinpath("images", *folders, f"{slug(stem)}-{cell.key[:12]}.png")

    def outcomes(self) -> dict[str, Outcome]:
        """Every recorded cell, by key."""
        with _named(self.folder):
            rows = self._db.execute("select key, status, score, seconds, device, reason from cells")
            return {row[0]: Outcome(*row) for row in rows}

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes, all or none. A later outcome of the same cell takes the earlier one's place."""
        rows = [(o.key, o.status, o.score, o.seconds, o.device, o.reason) for o in outcomes]
        self._write("insert or replace into cells values (?, ?, ?, ?, ?, ?)", rows)

    def files(self) -> dict[str, FileFacts]:
        """What is known of source files, by path."""
        with _named(self.folder):
            return {row[0]: FileFacts(*row) for row in self._db.execute("select * from files")}

    def remember(self, facts: Iterable[FileFacts]) -> None:
        rows = [(f.path, f.size, f.mtime, f.digest, f.height, f.width) for f in facts]
        self._write("insert or replace into files values (?, ?, ?, ?, ?, ?)", rows)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        with _named(self.folder):
            self._db.execute("begin immediate")
            try:
                self._db.executemany(statement, rows)
            except sqlite3.Error:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Any failure of the disk or the journal as one clear error."""
    hint = "What is on record is kept: free some space or allow writing, then give the same command."
    try:
        yield
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror or error}.", hint=hint) from error
    except sqlite3.OperationalError as error:
        raise StoreError(f"{folder}: the journal cannot be used ({error}).", hint=hint) from error
    except sqlite3.Error as error:
        damaged = f"Move {JOURNAL} out of the run folder; the same command then computes everything again."
        raise StoreError(f"{folder}: the journal is damaged ({error}).", hint=damaged) from error


def slug(text: str) -> str:
    """A safe, readable name for a folder or file made from any text."""
    slug = re.sub(r"[^A-Za-z0-9._=,\[\]-]+", "_", text).strip(".") or "_"
    return slug[:80]
