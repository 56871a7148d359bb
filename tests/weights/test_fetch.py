"""Fetching over a real connection: resumed, verified, renamed, locked, and clear about what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from iqabench.errors import DigestMismatch, DownloadError, WeightsError, WeightsMissing
from iqabench.weights import download
from iqabench.weights.cache import Cache, Corrupt, Missing, Ready, cache_path
from iqabench.weights.digests import LOCK_BOOK
from iqabench.weights.download import Patience
from iqabench.weights.fetch import fetch, present


class Seen:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, int | None]] = []
        self.counts: list[int] = []
        self.ended = 0

    def start(self, name: str, total: int | None) -> None:
        self.starts.append((name, total))
        self.counts.append(0)

    def advance(self, count: int) -> None:
        self.counts[-1] += count

    def done(self) -> None:
        self.ended += 1


def files_under(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def test_a_file_is_downloaded_once_verified_and_found_again(server, cache, body, declare):
    server.serve("/net.pth", body)
    file = declare(f"{server.address}/net.pth")
    assert cache.state(file) == Missing(len(body))
    seen = Seen()
    path = fetch(file, cache, progress=seen)
    assert path.read_bytes() == body
    assert path == cache.root / cache_path(file)
    assert (seen.starts, seen.counts, seen.ended) == ([("net.pth", len(body))], [len(body)], 1)
    assert cache.state(file) == Ready(path, verified=True)
    assert fetch(file, cache) == path
    assert len(server.requests) == 1
    assert files_under(path.parent) == ["net.pth"]


def test_a_cut_connection_is_resumed_where_it_stopped(server, cache, body, declare, hurried):
    server.serve("/net.pth", body, cuts=[300_000, 200_000])
    path = fetch(declare(f"{server.address}/net.pth"), cache, patience=hurried)
    assert path.read_bytes() == body
    asked = server.asked("/net.pth")
    assert [x.get("range") for x in asked] == [None, "bytes=262144-", "bytes=458752-"]
    assert asked[1]["if-range"] == '"v1"'


def test_a_download_given_up_is_resumed_by_the_next_process(server, cache, body, declare, hurried):
    server.serve("/net.pth", body, cuts=[300_000], statuses=[])
    file = declare(f"{server.address}/net.pth")
    with pytest.raises(DownloadError, match="300000 bytes read"):
        fetch(file, cache, patience=Patience(retries=0))
    assert files_under(cache.root / cache_path(file).parent) == ["net.pth.part", "net.pth.part.json"]
    assert isinstance(cache.state(file), Missing)
    assert fetch(file, cache, patience=hurried).read_bytes() == body
    assert server.asked("/net.pth")[-1]["range"] == "bytes=262144-"


def test_a_file_that_changed_meanwhile_is_not_spliced(server, cache, body, declare, hurried):
    server.serve("/net.pth", b"old" * 200_000, cuts=[300_000])
    file = declare(f"{server.address}/net.pth", sha256=None, size=None)
    with pytest.raises(DownloadError):
        fetch(file, cache, patience=Patience(retries=0))
    server.serve("/net.pth", body, etag='"v2"')
    assert fetch(file, cache, patience=hurried).read_bytes() == body


def test_without_a_version_or_a_digest_nothing_is_spliced(server, cache, body, declare, hurried):
    server.serve("/net.pth", b"old" * 200_000, cuts=[300_000], etag=None)
    file = declare(f"{server.address}/net.pth", sha256=None, size=None)
    with pytest.raises(DownloadError):
        fetch(file, cache, patience=Patience(retries=0))
    server.serve("/net.pth", body, etag=None)
    assert fetch(file, cache, patience=hurried).read_bytes() == body
    assert "range" not in server.asked("/net.pth")[-1]


def test_without_a_version_a_known_digest_judges_the_splice(server, cache, body, declare, hurried):
    """The first bytes are of another file: the resumed whole is wrong, so it is fetched anew."""
    server.serve("/net.pth", bytes(1_000_000), cuts=[300_000], etag=None)
    file = declare(f"{server.address}/net.pth")
    with pytest.raises(DownloadError):
        fetch(file, cache, patience=Patience(retries=0))
    server.serve("/net.pth", body, etag=None)
    assert fetch(file, cache, patience=hurried).read_bytes() == body
    assert [x.get("range") for x in server.asked("/net.pth")] == [None, "bytes=262144-", None]


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_again(server, cache, body, declare, hurried):
    server.serve("/net.pth", body, cuts=[300_000], ranges=False)
    assert fetch(declare(f"{server.address}/net.pth"), cache, patience=hurried).read_bytes() == body


def test_a_partial_file_that_is_whole_already_is_taken(server, cache, body, declare, hurried):
    file = declare(f"{server.address}/net.pth")
    server.serve("/net.pth", body)
    part = cache.root / f"{cache_path(file)}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(body)
    assert fetch(file, cache, patience=hurried).read_bytes() == body


def test_a_passing_refusal_is_tried_again_and_a_lasting_one_is_not(server, cache, body, declare, hurried):
    server.serve("/busy.pth", body, statuses=[503, 429], headers={"Retry-After": "0"})
    assert fetch(declare(f"{server.address}/busy.pth"), cache, patience=hurried).read_bytes() == body
    with pytest.raises(DownloadError, match="HTTP 404"):
        fetch(declare(f"{server.address}/none.pth"), cache, patience=hurried)
    assert len(server.asked("/none.pth")) == 1


def test_a_server_that_stalls_is_given_up(server, cache, body, declare):
    server.serve("/net.pth", body, cuts=[1000], go=threading.Event())
    with pytest.raises(DownloadError, match=r"(?i)timed out"):
        fetch(declare(f"{server.address}/net.pth"), cache, patience=Patience(read=0.2, retries=0))


def test_wrong_bytes_leave_nothing_behind_and_both_digests_are_named(server, cache, body, declare, hurried):
    wrong = body[:-1] + b"?"
    server.serve("/net.pth", wrong)
    file = declare(f"{server.address}/net.pth")
    with pytest.raises(DigestMismatch) as caught:
        fetch(file, cache, model="nr.net", patience=hurried)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert file.sha256 in str(caught.value)
    assert "nr.net" in caught.value.hint
    assert files_under(cache.root / cache_path(file).parent) == []


def test_a_wrong_size_is_refused_before_the_body_is_read(server, cache, body, declare, hurried):
    server.serve("/net.pth", b"<html>no such file</html>")
    with pytest.raises(DownloadError, match="25 bytes where 1000000 are declared"):
        fetch(declare(f"{server.address}/net.pth"), cache, patience=hurried)


def test_sources_are_tried_in_order_and_every_failure_is_named(server, cache, body, declare, hurried):
    gone, closed = f"{server.address}/gone.pth", "http://127.0.0.1:9/net.pth"
    with pytest.raises(DownloadError) as caught:
        fetch(declare(gone, closed), cache, model="nr.net", patience=Patience(retries=0))
    assert gone in str(caught.value)
    assert "HTTP 404" in str(caught.value)
    assert closed in str(caught.value)
    assert "--weights nr.net=PATH" in caught.value.hint
    server.serve("/net.pth", body)
    file = declare(gone, f"{server.address}/net.pth")
    assert fetch(file, cache, patience=hurried).read_bytes() == body


def test_a_mirror_comes_first_and_a_bad_one_does_no_harm(server, cache, body, declare, hurried):
    file = declare("hf://owner/repo/net.pth@v1")
    server.serve("/mirror/hf/owner/repo/v1/net.pth", body)
    server.serve("/bad/hf/owner/repo/v1/net.pth", bytes(len(body)))
    mirrored = Cache(cache.root, mirrors=(f"{server.address}/bad", f"{server.address}/mirror/"))
    assert fetch(file, mirrored, patience=hurried).read_bytes() == body
    assert [path for path, _ in server.requests] == [
        "/bad/hf/owner/repo/v1/net.pth",
        "/mirror/hf/owner/repo/v1/net.pth",
    ]


def test_the_hub_alone_is_shown_the_token(server, cache, body, declare, hurried, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.serve("/owner/repo/resolve/v1/net.pth", body)
    hub = Cache(cache.root, mirrors=(f"{server.address}/mirror",), hub=server.address)
    fetch(declare("hf://owner/repo/net.pth@v1"), hub, patience=hurried)
    assert [headers.get("authorization") for _, headers in server.requests] == [None, "Bearer hf_secret"]


def test_a_gated_file_says_how_to_log_in(server, cache, declare, hurried):
    served = server.serve("/owner/repo/resolve/main/net.pth", b"", statuses=[403])
    served.headers["X-Error-Code"] = "GatedRepo"
    with pytest.raises(DownloadError, match="hf auth login"):
        fetch(declare("hf://owner/repo/net.pth"), Cache(cache.root, hub=server.address), patience=hurried)


def test_a_web_page_is_not_taken_for_the_file(server, cache, body, declare, hurried):
    """As of a folder, or of a quota used up: with no digest declared, the page's would be recorded."""
    server.serve("/folders/1Du?file=net.pth", b"<html></html>", kind="text/html; charset=utf-8")
    file = declare(f"{server.address}/folders/1Du?file=net.pth", sha256=None, size=None)
    with pytest.raises(DownloadError, match=r"folders/1Du\?file=net\.pth: it is a web page"):
        fetch(file, cache, patience=hurried)
    assert cache.expected(file) is None
    assert not list(cache.root.rglob("*.part"))


def test_a_digest_nobody_declared_is_recorded_and_enforced(server, cache, body, declare, hurried):
    server.serve("/net.pth", body)
    file = declare(f"{server.address}/net.pth", sha256=None, size=None)
    path = fetch(file, cache, patience=hurried)
    book = json.loads((cache.root / LOCK_BOOK).read_text())
    digest = hashlib.sha256(body).hexdigest()
    assert book["files"][str(cache_path(file))] == {"sha256": digest, "size": len(body)}

    path.unlink()
    server.serve("/net.pth", bytes(1000), etag='"v2"')
    with pytest.raises(DigestMismatch) as caught:
        fetch(file, cache, model="nr.net", patience=hurried)
    assert digest in str(caught.value)
    assert "recorded when it was first fetched" in str(caught.value)
    assert "iqabench weights clear --forget nr.net" in caught.value.hint

    cache.drop(cache_path(file), forget=True)
    assert fetch(file, cache, patience=hurried).read_bytes() == bytes(1000)


def test_a_file_that_was_damaged_later_is_noticed_and_fetched_anew(server, cache, body, declare, hurried):
    server.serve("/net.pth", body)
    file = declare(f"{server.address}/net.pth")
    path = fetch(file, cache, patience=hurried)
    path.write_bytes(bytes(len(body)))
    assert cache.state(file) == Ready(path, verified=False)  # a glance does not hash
    with pytest.raises(DigestMismatch):
        present(file, cache)
    assert isinstance(cache.state(file), Corrupt)
    with pytest.raises(DigestMismatch):
        fetch(file, Cache(cache.root, offline=True))
    assert fetch(file, cache, patience=hurried).read_bytes() == body
    path.write_bytes(b"short")
    assert isinstance(cache.state(file), Corrupt)
    assert fetch(file, cache, patience=hurried).read_bytes() == body


def test_a_file_that_has_not_changed_is_not_hashed_again(server, cache, body, declare, monkeypatch):
    server.serve("/net.pth", body)
    file = declare(f"{server.address}/net.pth")
    path = fetch(file, cache)

    def never(_: Path) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr("iqabench.weights.digests.sha256_of", never)
    assert fetch(file, cache) == path
    os.utime(path, ns=(0, 0))
    with pytest.raises(AssertionError, match="hashed again"):
        fetch(file, cache)


def test_offline_nothing_is_asked_and_the_command_is_named(server, cache, body, declare):
    file = declare(f"{server.address}/net.pth")
    with pytest.raises(WeightsMissing, match=r"iqabench weights pull nr\.net"):
        fetch(file, Cache(cache.root, offline=True), model="nr.net")
    assert server.requests == []


def test_a_full_disk_is_said_plainly_and_before_it_is_full(server, cache, body, declare, monkeypatch):
    server.serve("/net.pth", body)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage(10, 9, 1000))
    with pytest.raises(WeightsError, match="MB free"):
        fetch(declare(f"{server.address}/net.pth"), cache)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device without room")
def test_a_disk_that_fills_up_midway_is_said_plainly(server, cache, body, declare):
    server.serve("/net.pth", body)
    file = declare(f"{server.address}/net.pth")
    part = cache.root / f"{cache_path(file)}.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="No space left") as caught:
        fetch(file, cache)
    assert not isinstance(caught.value, DownloadError)
    assert not (cache.root / cache_path(file)).exists()


def test_a_cache_folder_that_cannot_be_made_is_said_plainly(server, tmp_path, declare):
    (tmp_path / "blocked").write_text("a file")
    with pytest.raises(WeightsError, match="IQABENCH_CACHE"):
        fetch(declare(f"{server.address}/net.pth"), Cache(tmp_path / "blocked" / "cache"))


PULL = """
import sys
from pathlib import Path
from iqabench.specs import WeightsFile
from iqabench.weights.cache import Cache
from iqabench.weights.fetch import fetch
file = WeightsFile(name="net.pth", sources=(sys.argv[1],), licence="MIT", sha256=sys.argv[2])
print(fetch(file, Cache(Path(sys.argv[3]))))
"""


def test_two_processes_download_a_file_once(server, cache, body, declare):
    served = server.serve("/net.pth", body, go=threading.Event())
    arguments = [f"{server.address}/net.pth", hashlib.sha256(body).hexdigest(), str(cache.root)]
    command = [sys.executable, "-c", PULL, *arguments]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert served.started.wait(20)
    served.go.set()
    outputs = [process.communicate(timeout=30)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert outputs[0] == outputs[1]
    assert Path(outputs[0].strip()).read_bytes() == body
    assert len(server.requests) == 1
