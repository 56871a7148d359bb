"""Carrying weights to a machine without a network: a folder or a tar file, with a manifest of digests.

An exported folder is laid out as the cache is, so it also serves as a mirror. Nothing is ever extracted from
a tar file: the files that its manifest names are copied, under names made here, and only if digests fit.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from iqabench.errors import DigestMismatch, WeightsError
from iqabench.weights.cache import Cache

MANIFEST = "iqabench-weights.json"
_ROOTS = ("hf", "http")


def export_weights(places: Iterable[PurePosixPath], cache: Cache, target: Path) -> list[PurePosixPath]:
    """Copy cached files to the folder ``target``, or into a tar file if it ends in ``.tar``.

    Returns the places inside the cache folder that were copied, each once.
    """
    unique = sorted(set(places))
    manifest = {
        str(where): {"sha256": cache.digests.of(path := cache.root / where), "size": path.stat().st_size}
        for where in unique
    }
    text = json.dumps({"version": 1, "files": manifest}, indent=1)
    try:
        if target.suffix == ".tar":
            _write_tar(unique, cache.root, target, text)
        else:
            _write_folder(unique, cache.root, target, text)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error.strerror or error}.") from error
    return unique


def import_weights(origin: Path, cache: Cache) -> list[PurePosixPath]:
    """Copy what ``export_weights`` wrote into the cache. Returns the places of all its files.

    Raises WeightsError for what is no export, DigestMismatch where a file is not what the manifest, or the
    digest recorded here before, says; that file is then not taken.
    """
    with _opened(origin) as bundle:
        entries = _entries(bundle, origin)
        for where, entry in entries.items():
            recorded = cache.digests.recorded(where)
            if recorded not in (None, entry["sha256"]):
                raise DigestMismatch(
                    f"{origin} has {where} with SHA-256 {entry['sha256']}, and {recorded} is recorded here.",
                    hint="If the new one is right, clear the old one first: iqabench weights clear --forget",
                )
            _take(bundle, where, str(entry["sha256"]), cache, origin)
    return list(entries)


class _Bundle(Protocol):
    def open(self, name: str) -> IO[bytes]:
        """A regular file by its name. Raises OSError or KeyError where there is none."""


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self.archive = archive

    def open(self, name: str) -> IO[bytes]:
        member = self.archive.getmember(name)
        stream = self.archive.extractfile(member) if member.isreg() else None
        if stream is None:
            raise KeyError(name)
        return stream


@contextmanager
def _opened(origin: Path) -> Iterator[_Bundle]:
    if origin.is_dir():
        yield _Folder(origin)
        return
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(tarfile.open(origin))
        except (OSError, tarfile.TarError) as error:
            raise WeightsError(f"{origin} is neither a folder nor a tar file that can be read.") from error
        yield _Tar(archive)


def _entries(bundle: _Bundle, origin: Path) -> dict[PurePosixPath, dict[str, Any]]:
    """The manifest's files, every path checked to be a place inside the cache folder."""
    try:
        with bundle.open(MANIFEST) as stream:
            files = json.load(stream)["files"]
        entries = {PurePosixPath(name): dict(entry) for name, entry in files.items()}
        unfit = [where for where, entry in entries.items() if not isinstance(entry["sha256"], str)]
    except (OSError, KeyError, ValueError, TypeError, AttributeError, tarfile.TarError) as error:
        raise WeightsError(f"{origin} holds no {MANIFEST}: it was not written by weights export.") from error
    unfit += [
        where
        for where in entries
        if where.is_absolute() or ".." in where.parts or len(where.parts) < 2 or where.parts[0] not in _ROOTS
    ]
    if unfit:
        raise WeightsError(f"{origin} names a file outside the cache, or without a digest: {unfit[0]}.")
    return entries


def _take(bundle: _Bundle, where: PurePosixPath, expected: str, cache: Cache, origin: Path) -> None:
    target = cache.root / where
    if target.is_file() and cache.digests.of(target) == expected:
        cache.digests.record(where, expected, target.stat().st_size)
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}.import")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with bundle.open(str(where)) as stream, temporary.open("wb") as sink:
            digest = _copy(stream, sink)
        if digest != expected:
            raise DigestMismatch(
                f"{origin}: {where} has SHA-256 {digest}, and its manifest says {expected}.",
                hint="Export it again; the copy is damaged.",
            )
        temporary.replace(target)
    except (OSError, KeyError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or "it is not there, or cut short"
        raise WeightsError(f"{origin}: {where} cannot be copied to {target.parent}: {reason}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    cache.digests.record(where, expected, target.stat().st_size)
    cache.digests.remember(target, expected)


def _copy(stream: IO[bytes], sink: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
        sink.write(chunk)
    sink.flush()
    os.fsync(sink.fileno())
    return digest.hexdigest()


def _write_tar(places: list[PurePosixPath], root: Path, target: Path, manifest: str) -> None:
    unfinished = target.with_name(f"{target.name}.part")
    with tarfile.open(unfinished, "w", dereference=True) as archive:
        header = tarfile.TarInfo(MANIFEST)
        header.size = len(manifest.encode())
        archive.addfile(header, io.BytesIO(manifest.encode()))
        for where in places:
            archive.add(root / where, str(where), recursive=False)
    unfinished.replace(target)


def _write_folder(places: list[PurePosixPath], root: Path, target: Path, manifest: str) -> None:
    for where in places:
        copy = target / where
        copy.parent.mkdir(parents=True, exist_ok=True)
        unfinished = copy.with_name(f"{copy.name}.part")
        shutil.copyfile(root / where, unfinished)
        unfinished.replace(copy)
    target.mkdir(parents=True, exist_ok=True)
    (target / MANIFEST).write_text(manifest)
