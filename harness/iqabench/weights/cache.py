"""The folder that holds downloaded weights, and what is known about a file without opening it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from iqabench.errors import UsageError
from iqabench.specs import WeightsFile
from iqabench.weights.digests import Digests
from iqabench.weights.sources import HUB, HubSource, LocalSource, PackageSource, RemoteSource, parse

_YES = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Ready:
    """The file is here. ``verified`` is False where it has not been hashed since it last changed."""

    path: Path
    verified: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """The file is not here: ``size`` bytes to download, or ``package`` to install, or neither known."""

    size: int | None = None
    package: str = ""


@dataclass(frozen=True, slots=True)
class Corrupt:
    """The file is here and is not what it should be."""

    path: Path
    reason: str


State = Ready | Missing | Corrupt


@dataclass(frozen=True, slots=True)
class Cache:
    """Where weights lie, and where they may be had.

    ``offline`` forbids all downloads. ``mirrors`` are URL prefixes tried before a file's own sources, laid
    out as the cache folder is. ``hub`` is the Hugging Face endpoint.
    """

    root: Path
    offline: bool = False
    mirrors: tuple[str, ...] = ()
    hub: str = HUB

    @classmethod
    def default(cls, *, offline: bool = False) -> Cache:
        """The user's cache, as the environment says.

        IQABENCH_CACHE moves the folder, IQABENCH_MIRROR names mirrors (separated by white space),
        IQABENCH_OFFLINE or HF_HUB_OFFLINE forbids downloads, HF_ENDPOINT replaces the Hugging Face hub.
        """
        from platformdirs import user_cache_path

        folder = os.environ.get("IQABENCH_CACHE")
        root = Path(folder).expanduser() if folder else user_cache_path("iqabench", appauthor=False)
        mirrors = tuple(os.environ.get("IQABENCH_MIRROR", "").split())
        for mirror in mirrors:
            if not mirror.startswith(("http://", "https://")):
                raise UsageError(f"IQABENCH_MIRROR: {mirror!r} is not an http:// or https:// address.")
        switches = (os.environ.get(name, "") for name in ("IQABENCH_OFFLINE", "HF_HUB_OFFLINE"))
        return cls(
            root=root / "weights",
            offline=offline or any(value.lower() in _YES for value in switches),
            mirrors=mirrors,
            hub=os.environ.get("HF_ENDPOINT") or HUB,
        )

    @property
    def digests(self) -> Digests:
        return Digests(self.root)

    def state(self, file: WeightsFile) -> State:
        """Whether the file is here. Never hashes, never opens it."""
        place = self.find(file)
        if place is None:
            package = next((x.distribution for x in local_sources(file) if isinstance(x, PackageSource)), "")
            return Missing(file.size, "" if remote_sources(file) else package)
        if file.size is not None and place.stat().st_size != file.size:
            return Corrupt(place, f"{place.stat().st_size} bytes where {file.size} are declared")
        expected, known = self.expected(file), self.digests.known(place)
        if known is not None and expected is not None and known != expected:
            return Corrupt(place, f"SHA-256 {known} where {expected} is expected")
        return Ready(place, verified=known is not None)

    def find(self, file: WeightsFile) -> Path | None:
        """The file on this machine: in an installed package, where a file:// source says, or in the cache."""
        for source in local_sources(file):
            if (found := source.locate()) is not None:
                return found
        where = cache_path(file)
        return path if where and (path := self.root / where).is_file() else None

    def expected(self, file: WeightsFile) -> str | None:
        """The digest the file must have: the declared one, else the one recorded at the first fetch."""
        where = cache_path(file)
        return file.sha256 or (self.digests.recorded(where) if where else None)

    def drop(self, where: PurePosixPath, *, forget: bool = False) -> int:
        """Delete the cached file at ``where``, whole or partial; the bytes freed.

        Its recorded digest stays, unless ``forget``.
        """
        target = self.root / where
        freed = 0
        for path in (
            target,
            target.with_name(f"{target.name}.part"),
            target.with_name(f"{target.name}.part.json"),
        ):
            if path.is_file():
                freed += path.stat().st_size
                path.unlink()
        if forget:
            self.digests.forget(where)
        return freed

    def places(self) -> list[PurePosixPath]:
        """Every file in the cache folder, those of models no longer installed too."""
        found = [path for top in ("hf", "http") for path in (self.root / top).rglob("*") if path.is_file()]
        return sorted(PurePosixPath(path.relative_to(self.root)) for path in found)

    def urls(self, file: WeightsFile) -> tuple[str, ...]:
        """Every address to download the file from, best first."""
        where = cache_path(file)
        mirrored = [f"{mirror.rstrip('/')}/{where}" for mirror in self.mirrors if where]
        return tuple(dict.fromkeys([*mirrored, *(source.url(self.hub) for source in remote_sources(file))]))

    def is_hub(self, url: str, file: WeightsFile) -> bool:
        """Whether the address is the Hugging Face hub's, to which alone the user's token may be shown."""
        return any(url == source.url(self.hub) for source in remote_sources(file) if isinstance(source, HubSource))


def cache_path(file: WeightsFile) -> PurePosixPath | None:
    """The file's place inside the cache folder, from its first remote source; None where it has none.

    Models that declare one source share one file.
    """
    sources = remote_sources(file)
    return sources[0].cache_path if sources else None


def local_sources(file: WeightsFile) -> list[LocalSource]:
    return [source for source in map(parse, file.sources) if isinstance(source, LocalSource)]


def remote_sources(file: WeightsFile) -> list[RemoteSource]:
    return [source for source in map(parse, file.sources) if isinstance(source, RemoteSource)]
