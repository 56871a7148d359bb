"""The votes of all raters in one SQLite file: nothing is ever changed or deleted, only added.

Write-ahead logging with a sync at every commit: a vote that was acknowledged survives a kill and a power cut. An
undo is one more row. ``state`` reads what holds now off the rows.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from iqabench.annotate.order import Presentation
from iqabench.datasets.built import VOTES
from iqabench.errors import DatasetError, StoreError, UsageError

FILE = "votes.sqlite"
_SCHEMA = """
create table if not exists raters (id integer primary key, name text not null unique, token text not null unique);
create table if not exists presentations (
    rater integer not null references raters, position integer not null, kind text not null, image text not null,
    source text not null, other text not null, primary key (rater, position)
) without rowid;
create table if not exists events (
    id integer primary key, rater integer not null references raters, nonce text not null, what text not null,
    position integer, vote real, t real not null, duration real, unique (rater, nonce)
);
create index if not exists events_of_a_rater on events (rater, id);
create table if not exists screens (
    id integer primary key, rater integer not null references raters, t real not null, facts text not null
);
create table if not exists secrets (name text primary key, value text not null);
"""
_APPEND_ONLY = ("events", "presentations", "screens", "raters")


@dataclass(frozen=True, slots=True)
class Rater:
    id: int
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Event:
    """``what`` is vote, undo or break. ``t`` is in seconds since 1970, ``duration`` in seconds from display to vote."""

    id: int
    what: str
    position: int | None
    vote: float | None
    t: float
    duration: float | None


class Conflict(DatasetError):
    """The vote is for another screen than the one that the rater is at."""


class Log:
    """An open log. Threads may share it: one of them at a time writes, and none that reads waits for the disk."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.path = folder / VOTES / FILE
        if not create and not self.path.is_file():
            raise DatasetError(
                f"{folder} has not been rated yet.", hint=f"Begin with: iqabench annotate serve {folder}"
            )
        self._lock, self._read_lock = threading.RLock(), threading.RLock()
        self._known: dict[int, list[Event]] = {}  # rows never change, so only new ones are read
        with self._named():
            self.path.parent.mkdir(exist_ok=True)
            self.path.touch(mode=0o600)
            self._db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self._reader = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.execute("pragma foreign_keys=on")
            self._db.executescript(_SCHEMA)
            for table in _APPEND_ONLY:
                for action in ("update", "delete"):
                    self._db.execute(
                        f"create trigger if not exists no_{action}_of_{table} before {action} on {table} "
                        f"begin select raise(abort, 'votes are never changed'); end"
                    )

    def close(self) -> None:
        self._db.close()
        self._reader.close()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def secret(self, name: str) -> str:
        """A random text of this log's own, made at first use."""
        with self._writing():
            self._db.execute("insert or ignore into secrets values (?, ?)", (name, secrets.token_urlsafe(24)))
            (value,) = self._db.execute("select value from secrets where name = ?", (name,)).fetchone()
        return str(value)

    def raters(self) -> list[Rater]:
        with self._reading() as db:
            return [Rater(*row) for row in db.execute("select id, name, token from raters order by id")]

    def add_rater(self, name: str, plan: Sequence[Presentation] = ()) -> Rater:
        """A new rater with all that they will see. Raises UsageError where the name is taken or no name."""
        if not name.strip() or not name.isprintable() or len(name) > 100:
            raise UsageError(f"{name!r} is no name for a rater.")
        token = secrets.token_urlsafe(18)
        with self._writing():
            if self._db.execute("select 1 from raters where name = ?", (name,)).fetchone():
                raise UsageError(f"There is a rater {name!r} already.", hint="Choose another name.")
            number = int(
                self._db.execute("insert into raters (name, token) values (?, ?)", (name, token)).lastrowid or 0
            )
            self._add_plan(number, plan)
        return Rater(number, name, token)

    def extend(self, rater: int, plan: Sequence[Presentation]) -> None:
        """More screens, after those that the rater has."""
        with self._writing():
            self._add_plan(rater, plan)

    def plan(self, rater: int) -> list[Presentation]:
        with self._reading() as db:
            rows = db.execute(
                "select kind, image, source, other from presentations where rater = ? order by position", (rater,)
            )
            return [Presentation(*row) for row in rows]

    def presentation(self, rater: int, position: int) -> Presentation | None:
        with self._reading() as db:
            row = db.execute(
                "select kind, image, source, other from presentations where rater = ? and position = ?",
                (rater, position),
            ).fetchone()
        return Presentation(*row) if row else None

    def length(self, rater: int) -> int:
        with self._reading() as db:
            (count,) = db.execute("select count(*) from presentations where rater = ?", (rater,)).fetchone()
        return int(count)

    def events(self, rater: int) -> Sequence[Event]:
        with self._reading() as db:
            return self._events(db, rater)

    def add(
        self,
        rater: int,
        nonce: str,
        what: str,
        *,
        position: int | None = None,
        vote: float | None = None,
        duration: float | None = None,
        allowed: Callable[[Sequence[Event]], bool] = lambda events: True,  # noqa: ARG005
        at: float | None = None,
    ) -> bool:
        """Write one event; the same nonce again writes nothing and is well. Gives whether it was new.

        ``allowed`` decides on the events before it, with no other writer between. Raises Conflict where it says no.
        """
        with self._writing():
            if self._db.execute("select 1 from events where rater = ? and nonce = ?", (rater, nonce)).fetchone():
                return False
            if not allowed(self._events(self._db, rater)):
                raise Conflict("Another screen is being rated now.", hint="Reload the page.")
            self._db.execute(
                "insert into events (rater, nonce, what, position, vote, t, duration) values (?, ?, ?, ?, ?, ?, ?)",
                (rater, nonce, what, position, vote, time.time() if at is None else at, duration),
            )
        return True

    def add_screen(self, rater: int, facts: str) -> None:
        with self._writing():
            self._db.execute("insert into screens (rater, t, facts) values (?, ?, ?)", (rater, time.time(), facts))

    def screens(self) -> list[tuple[int, float, str]]:
        with self._reading() as db:
            return list(db.execute("select rater, t, facts from screens order by id"))

    def _events(self, db: sqlite3.Connection, rater: int) -> Sequence[Event]:
        known = self._known.get(rater, [])
        rows = db.execute(
            "select id, what, position, vote, t, duration from events where rater = ? and id > ? order by id",
            (rater, known[-1].id if known else 0),
        )
        if new := [Event(*row) for row in rows]:
            known = self._known[rater] = [*known, *new]
        return known

    def _add_plan(self, rater: int, plan: Sequence[Presentation]) -> None:
        (start,) = self._db.execute("select count(*) from presentations where rater = ?", (rater,)).fetchone()
        self._db.executemany(
            "insert into presentations values (?, ?, ?, ?, ?, ?)",
            [(rater, start + at, one.kind, one.image, one.source, one.other) for at, one in enumerate(plan)],
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all of it, or nothing."""
        with self._lock, self._named():
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._read_lock, self._named():
            yield self._reader

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path}: cannot be used ({error}).") from error


def effective(events: Sequence[Event]) -> dict[int, Event]:
    """The vote that holds for each position: the last that was not undone."""
    held: dict[int, Event] = {}
    for event in events:
        if event.position is None:
            continue
        if event.what == "vote":
            held[event.position] = event
        elif event.what == "undo":
            held.pop(event.position, None)
    return held
