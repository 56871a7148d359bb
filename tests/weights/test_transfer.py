"""Weights carried to another machine by folder or tar file, and nothing else smuggled in."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import PurePosixPath

import pytest

from iqabench.errors import DigestMismatch, WeightsError
from iqabench.weights.cache import Cache, Ready, cache_path
from iqabench.weights.fetch import fetch
from iqabench.weights.transfer import MANIFEST, export_weights, import_weights


@pytest.fixture
def file(server, cache, body, declare):
    server.serve("/net.pth", body)
    file = declare(f"{server.address}/net.pth", sha256=None, size=None)
    fetch(file, cache)
    return file


@pytest.mark.parametrize("target", ["folder", "all.tar"])
def test_what_is_exported_is_ready_elsewhere_without_a_network(tmp_path, cache, file, body, target):
    export_weights([cache_path(file)], cache, tmp_path / target)
    there = Cache(tmp_path / "there", offline=True)
    assert import_weights(tmp_path / target, there) == [cache_path(file)]
    assert fetch(file, there).read_bytes() == body
    assert there.state(file) == Ready(there.root / cache_path(file), verified=True)
    assert there.digests.recorded(cache_path(file)) == hashlib.sha256(body).hexdigest()
    assert import_weights(tmp_path / target, there) == [cache_path(file)]  # again: nothing to do


def test_an_exported_folder_is_a_mirror(tmp_path, server, cache, file, body):
    export_weights([cache_path(file)], cache, tmp_path / "folder")
    for path in (tmp_path / "folder").rglob("*"):
        if path.is_file():
            server.serve(f"/mirror/{path.relative_to(tmp_path / 'folder')}", path.read_bytes())
    server.files.pop("/net.pth")
    there = Cache(tmp_path / "there", mirrors=(f"{server.address}/mirror",))
    assert fetch(file, there).read_bytes() == body


def test_a_damaged_copy_is_not_taken(tmp_path, cache, file):
    export_weights([cache_path(file)], cache, tmp_path / "folder")
    (tmp_path / "folder" / cache_path(file)).write_bytes(b"damaged")
    there = Cache(tmp_path / "there")
    with pytest.raises(DigestMismatch, match="its manifest says"):
        import_weights(tmp_path / "folder", there)
    assert there.places() == []


def test_a_copy_that_disagrees_with_the_digest_recorded_here_is_not_taken(tmp_path, cache, file):
    export_weights([cache_path(file)], cache, tmp_path / "folder")
    there = Cache(tmp_path / "there")
    there.digests.record(cache_path(file), "0" * 64, 1)
    with pytest.raises(DigestMismatch, match="clear --forget"):
        import_weights(tmp_path / "folder", there)


def tar_of(path, members, manifest=None):
    with tarfile.open(path, "w") as archive:
        files = manifest or {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
        text = json.dumps({"files": {name: {"sha256": digest} for name, digest in files.items()}}).encode()
        for name, content in {MANIFEST: text, **members}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["../out", "http/../../out", "/tmp/out", "out", "weights.lock.json", "other/out"])
def test_a_manifest_that_leaves_the_cache_is_refused(tmp_path, name):
    there = Cache(tmp_path / "there" / "cache")
    with pytest.raises(WeightsError, match="outside the cache"):
        import_weights(tar_of(tmp_path / "evil.tar", {name: b"x"}), there)
    assert not (tmp_path / "there").exists()


def test_what_the_manifest_does_not_name_stays_in_the_tar(tmp_path):
    there = Cache(tmp_path / "there")
    digest = hashlib.sha256(b"good").hexdigest()
    members = {"hf/o/r/main/net": b"good", "../evil": b"evil", "hf/evil": b"evil"}
    tar = tar_of(tmp_path / "mixed.tar", members, {"hf/o/r/main/net": digest})
    assert import_weights(tar, there) == [PurePosixPath("hf/o/r/main/net")]
    assert there.places() == [PurePosixPath("hf/o/r/main/net")]
    assert not (tmp_path / "evil").exists()


def test_links_in_a_tar_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    tar = tar_of(tmp_path / "links.tar", {}, {"hf/o/r/net": hashlib.sha256(b"secret").hexdigest()})
    with tarfile.open(tar, "a") as archive:
        link = tarfile.TarInfo("hf/o/r/net")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    there = Cache(tmp_path / "there")
    with pytest.raises(WeightsError, match="hf/o/r/net"):
        import_weights(tar, there)
    assert there.places() == []


def test_what_is_no_export_is_said_to_be_none(tmp_path, cache):
    (tmp_path / "x.tar").write_bytes(b"no tar")
    for origin, words in ((tmp_path / "x.tar", "neither a folder nor a tar"), (tmp_path, MANIFEST)):
        with pytest.raises(WeightsError, match=words):
            import_weights(origin, cache)


def test_a_tar_cut_short_is_noticed(tmp_path, cache, file):
    export_weights([cache_path(file)], cache, tmp_path / "all.tar")
    content = (tmp_path / "all.tar").read_bytes()
    (tmp_path / "all.tar").write_bytes(content[:500_000])
    there = Cache(tmp_path / "there")
    with pytest.raises(WeightsError):
        import_weights(tmp_path / "all.tar", there)
    assert there.places() == []
