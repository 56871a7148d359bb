"""SHA-256 sums: computed once for each state of a file, and held to once recorded.

Two books lie in the cache folder. ``weights.lock.json`` maps a cached file's path to the digest recorded when
it was first fetched: a promise, enforced ever after, fit to be carried to other machines. ``digests.json``
only spares hashing: it remembers a digest with the size and time of the file it was computed from, and may
be lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from iqabench.errors import WeightsError

LOCK_BOOK = "weights.lock.json"
MEMO_BOOK = "digests.json"


def sha256_of(path: Path) -> str:
    """The file's SHA-256, hexadecimal. Raises WeightsError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class Digests:
    """The two books of one cache folder."""

    root: Path

    def of(self, path: Path) -> str:
        """The file's digest; hashes it only if its size or time differ from when it was last hashed."""
        known = self.known(path)
        return known if known is not None else self.compute(path)

    def known(self, path: Path) -> str | None:
        """The file's digest if it needs no hashing."""
        entry = _read(self.root / MEMO_BOOK).get(str(path.absolute()))
        return str(entry["sha256"]) if entry and entry.get("stat") == _stat(path) else None

    def compute(self, path: Path) -> str:
        """The file's digest, hashed now and remembered."""
        before = _stat(path)
        digest = sha256_of(path)
        self.remember(path, digest, before)
        return digest

    def remember(self, path: Path, digest: str, stat: list[int] | None = None) -> None:
        """Spare hashing ``path`` again; ``stat`` is its size and time when hashed, now if not given."""
        entry = {"sha256": digest, "stat": stat or _stat(path)}
        # A cache that cannot be written to, as one shared between users, only costs hashing again.
        with contextlib.suppress(WeightsError):
            self._update(MEMO_BOOK, lambda book: book.update({str(path.absolute()): entry}))

    def recorded(self, where: PurePosixPath) -> str | None:
        """The digest recorded when the cached file at ``where`` was first fetched."""
        entry = _read(self.root / LOCK_BOOK).get(str(where))
        return str(entry["sha256"]) if entry else None

    def record(self, where: PurePosixPath, sha256: str, size: int) -> None:
        """Record a first digest. One that is recorded already stays."""
        entry = {"sha256": sha256, "size": size}
        if self.recorded(where) is None:
            self._update(LOCK_BOOK, lambda book: book.setdefault(str(where), entry))

    def forget(self, where: PurePosixPath) -> None:
        """Drop a recorded digest, so that the next fetch records anew."""
        if self.recorded(where) is not None:
            self._update(LOCK_BOOK, lambda book: book.pop(str(where), None))

    def places(self) -> list[PurePosixPath]:
        """Every place that has a recorded digest."""
        return [PurePosixPath(where) for where in _read(self.root / LOCK_BOOK)]

    def _update(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        from filelock import FileLock  # 60 ms that whoever only reads need not pay

        path = self.root / name
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / f".{name}.lock"):
                book = _read(path)
                change(book)
                temporary = self.root / f".{name}.new"
                with temporary.open("w") as stream:
                    json.dump({"version": 1, "files": book}, stream, indent=1, sort_keys=True)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(path)
        except OSError as error:
            raise WeightsError(f"{path} cannot be written: {error.strerror or error}.") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        files = json.loads(path.read_text())["files"]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        # Books are replaced whole, never written in place: this is damage that the user should see.
        raise WeightsError(f"{path} is damaged.", hint="Delete it; files are then hashed again.") from None
    if not isinstance(files, dict):
        raise WeightsError(f"{path} is damaged.", hint="Delete it; files are then hashed again.")
    return files


def _stat(path: Path) -> list[int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    return [stat.st_size, stat.st_mtime_ns]
