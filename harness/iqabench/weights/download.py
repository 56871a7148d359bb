"""One URL into one partial file, going on where an earlier attempt stopped.

requests and pooch start a broken download again, and huggingface_hub resumes its own files only; hence this.
Bytes of two versions of a file are never joined: a rest is asked for with If-Range where the server named the
version (a strong ETag or a date), and otherwise only where a known digest will judge the whole.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from iqabench.errors import DownloadError, WeightsError
from iqabench.text import amount
from iqabench.weights.progress import Progress

if TYPE_CHECKING:
    from requests import Response, Session

CHUNK = 1 << 16  # what is lost when a connection breaks off
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Seconds to wait for a connection and for the next bytes, and how often to try again if none came."""

    connect: float = 15
    read: float = 60
    retries: int = 5
    backoff: float = 0.5
    longest: float = 30

    def pause(self, failures: int, asked: str | None = None) -> float:
        """Seconds before the next try: doubled each time, or what a Retry-After header asks."""
        wanted = float(asked) if asked and asked.isdigit() else self.backoff * 2 ** (failures - 1)
        return min(wanted, self.longest)


class _InterruptedError(Exception):
    """The transfer broke off in a way that may pass."""

    def __init__(self, reason: str, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """What to get: ``url`` into the file ``part``.

    ``size`` is the declared size in bytes; ``judged`` says that a digest of the whole is known; ``token`` is
    sent to the URL's own host as a bearer token.
    """

    url: str
    part: Path
    name: str
    size: int | None = None
    judged: bool = False
    token: str | None = None

    @property
    def note(self) -> Path:
        """Beside the partial file: which URL and version its bytes are of."""
        return self.part.with_name(f"{self.part.name}.json")

    def run(self, progress: Progress, patience: Patience) -> bool:
        """Leave the whole body in ``part``; True if some of it came from an earlier attempt.

        Raises DownloadError where this URL cannot give the file, WeightsError where this machine cannot
        take it.
        """
        import requests

        failures, resumed = 0, False
        with requests.Session() as session:
            while True:
                before = _size(self.part)
                try:
                    return self._attempt(session, progress, patience) or resumed
                except _InterruptedError as interruption:
                    resumed = resumed or before > 0
                    failures = 1 if _size(self.part) > before else failures + 1
                    if failures > patience.retries:
                        raise DownloadError(
                            f"{interruption} (after {amount(failures, 'try', 'tries')})"
                        ) from interruption
                    time.sleep(patience.pause(failures, interruption.retry_after))

    def discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _attempt(self, session: Session, progress: Progress, patience: Patience) -> bool:
        import requests

        have, headers = self._what_to_ask()
        try:
            with session.get(
                self.url, headers=headers, stream=True, timeout=(patience.connect, patience.read)
            ) as response:
                return self._receive(response, have, progress)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise _InterruptedError(_plainly(error)) from error
        except requests.RequestException as error:
            raise DownloadError(_plainly(error)) from error

    def _what_to_ask(self) -> tuple[int, dict[str, str]]:
        """How many bytes to keep, and the request's headers."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "iqabench"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        have = _size(self.part)
        version = self._read_note()
        if have and version:
            headers |= {"Range": f"bytes={have}-", "If-Range": version}
        elif have and self.judged:
            headers["Range"] = f"bytes={have}-"
        else:
            have = 0
        return have, headers

    def _receive(self, response: Response, have: int, progress: Progress) -> bool:
        """Write the response's body; True if it went on from ``have`` earlier bytes."""
        span = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status_code == 416 and have:
            if span and span[3] == str(have):
                return True  # everything was here already
            self.discard()
            raise _InterruptedError("the server has fewer bytes than are here already")
        if response.status_code == 206:
            if not span or span[1] is None or int(span[1]) != have:
                self.discard()
                raise _InterruptedError("the server sent another part than it was asked for")
            total = None if span[3] == "*" else int(span[3])
        elif response.status_code == 200:
            if response.headers.get("Content-Type", "").startswith("text/html"):
                # Of a folder, or of a quota that is used up, where the file itself cannot be had.
                raise DownloadError("it is a web page, not the file; open it in a browser to get the file from there")
            have = 0
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() and "Content-Encoding" not in response.headers else None
        else:
            raise _refusal(response)
        if self.size is not None and total is not None and total != self.size:
            self.discard()
            raise DownloadError(f"it has {total} bytes where {self.size} are declared")
        self._require_space((total or 0) - have)
        progress.start(self.name, total)
        progress.advance(have)
        try:
            with self.part.open("ab" if have else "wb", buffering=0) as stream:
                if not have:
                    self._write_note(response)
                for chunk in response.iter_content(CHUNK):
                    self._write(stream, chunk)
                    progress.advance(len(chunk))
                os.fsync(stream.fileno())
        finally:
            got = _size(self.part)
        if total is not None and got != total:
            raise _InterruptedError(f"the connection closed after {got} of {total} bytes")
        return have > 0

    def _write(self, stream: FileIO, chunk: bytes) -> None:
        try:
            while chunk:
                chunk = chunk[stream.write(chunk) :]
        except OSError as error:
            raise WeightsError(
                f"{self.name} cannot be written to {self.part.parent}: {error.strerror}.",
                hint="Make room and give the command again: it goes on where it stopped.",
            ) from error

    def _require_space(self, wanted: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if wanted > free:
            raise WeightsError(
                f"{self.name} needs {wanted / 1e6:.0f} MB more, and {self.part.parent} has {free / 1e6:.0f} MB free.",
                hint="Make room, or move the cache with IQABENCH_CACHE=FOLDER.",
            )

    def _read_note(self) -> str | None:
        try:
            note = json.loads(self.note.read_text())
        except (OSError, ValueError):
            return None
        same = isinstance(note, dict) and note.get("url") == self.url
        return str(note["version"]) if same and note.get("version") else None

    def _write_note(self, response: Response) -> None:
        etag = response.headers.get("ETag", "")
        version = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        self.note.write_text(json.dumps({"url": self.url, "version": version}))


def _refusal(response: Response) -> Exception:
    reason = f"HTTP {response.status_code} {response.reason}"
    if response.status_code in _PASSING:
        return _InterruptedError(reason, response.headers.get("Retry-After"))
    if response.status_code in (401, 403) and "X-Error-Code" in response.headers:  # the hub's own header
        reason += ": accept the licence on the model's page, then log in with: hf auth login"
    return DownloadError(reason)


def _plainly(error: Exception) -> str:
    """The innermost reason of a chain of network errors, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None and isinstance(inner, Exception):
        error = inner
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
