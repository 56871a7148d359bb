"""A real HTTP server on this machine that can be slow, cut connections, lie and refuse."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from iqabench.specs import WeightsFile
from iqabench.weights.cache import Cache
from iqabench.weights.download import Patience


@dataclass
class Served:
    """One address. ``cuts`` are the bytes after which each next answer breaks off; ``statuses`` the next refusals."""

    body: bytes
    etag: str | None = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/octet-stream"
    started: threading.Event = field(default_factory=threading.Event)
    go: threading.Event | None = None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up early is part of the tests."""

    def serve(self, path: str, body: bytes, **options: object) -> Served:
        self.files[path] = Served(body, **options)
        return self.files[path]

    def asked(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers in self.requests if asked == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        served = self.server.files.get(self.path)
        if served is None:
            return self.answer(404)
        if served.statuses:
            return self.answer(served.statuses.pop(0), served.headers)
        start, wanted = 0, self.headers.get("Range", "")
        if served.ranges and wanted and self.headers.get("If-Range", served.etag) == served.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(served.body):
                return self.answer(416, {"Content-Range": f"bytes */{len(served.body)}"})
        rest = served.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.body) - 1}/{len(served.body)}")
        self.send_header("Content-Type", served.kind)
        if served.etag:
            self.send_header("ETag", served.etag)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut = served.cuts.pop(0) if served.cuts else None
        self.wfile.write(rest[:cut])
        self.wfile.flush()
        served.started.set()
        if served.go is not None:
            served.go.wait(10)
        if cut is not None:
            self.close_connection = True
            self.connection.shutdown(2)
        return None

    def answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def hurried() -> Patience:
    return Patience(connect=2, read=2, retries=2, backoff=0.01)


@pytest.fixture(scope="session")
def body() -> bytes:
    return bytes(hashlib.shake_256(b"weights").digest(1_000_000))


@pytest.fixture
def declare(body):
    """A WeightsFile of ``body`` at the given sources, with its digest declared unless told otherwise."""

    def make(*sources: str, name: str = "net.pth", **options: object) -> WeightsFile:
        facts = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), **options}
        return WeightsFile(name=name, sources=sources, licence="MIT", **facts)

    return make


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path) -> None:
    for name in ("IQABENCH_MIRROR", "IQABENCH_OFFLINE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IQABENCH_CACHE", str(tmp_path / "home-cache"))
