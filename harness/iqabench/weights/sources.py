"""The URIs of ``WeightsFile.sources``, read: what can be downloaded, and what lies on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from iqabench.errors import PluginError

HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class HubSource:
    """``hf://owner/repo/path@revision``: a file of a Hugging Face repository (``main`` if unsaid)."""

    repo: str
    path: str
    revision: str = "main"

    def url(self, hub: str = HUB) -> str:
        revision = quote(self.revision, safe="")
        return f"{hub.rstrip('/')}/{self.repo}/resolve/{revision}/{quote(self.path)}"

    @property
    def origin(self) -> str:
        return f"hf://{self.repo}"

    @property
    def cache_path(self) -> PurePosixPath:
        return PurePosixPath("hf", self.repo, quote(self.revision, safe=""), self.path)


@dataclass(frozen=True, slots=True)
class HttpSource:
    """``https://host/path`` or ``http://host/path``."""

    address: str

    def url(self, hub: str = HUB) -> str:  # noqa: ARG002 - one form for both kinds of remote source
        return self.address

    @property
    def origin(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def cache_path(self) -> PurePosixPath:
        parts = urlsplit(self.address)
        path = PurePosixPath("http", parts.netloc.replace(":", "_"), unquote(parts.path).strip("/"))
        if parts.query:  # the same path may serve many files, as https://drive.google.com/uc?id=...
            path /= hashlib.sha256(parts.query.encode()).hexdigest()[:16]
        return path


@dataclass(frozen=True, slots=True)
class PackageSource:
    """``package://distribution/path``: a file that an installed Python distribution brings along."""

    distribution: str
    path: str

    @property
    def origin(self) -> str:
        return f"package {self.distribution}"

    def locate(self) -> Path | None:
        """The file, or None where the distribution is not installed. Imports nothing of it."""
        try:
            installed = metadata.distribution(self.distribution)
        except metadata.PackageNotFoundError:
            return None
        found = Path(str(installed.locate_file(self.path)))
        if found.is_file():
            return found
        # An editable install leaves its files in the source tree, where only the import system finds them.
        package, _, inside = self.path.partition("/")
        module = importlib.util.find_spec(package) if package.isidentifier() else None
        for folder in (module.submodule_search_locations or ()) if module else ():
            if (found := Path(folder, inside)).is_file():
                return found
        return None


@dataclass(frozen=True, slots=True)
class FileSource:
    """``file:///path``: a file of this machine."""

    path: Path

    @property
    def origin(self) -> str:
        return str(self.path)

    def locate(self) -> Path | None:
        return self.path if self.path.is_file() else None


RemoteSource = HubSource | HttpSource
LocalSource = PackageSource | FileSource


def parse(uri: str) -> RemoteSource | LocalSource:
    """The source that a URI names. Raises PluginError, for URIs come from declarations."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        raise PluginError(f"weights source {uri!r} is not a URI.")
    if scheme == "hf":
        path, _, revision = rest.partition("@")
        owner, name, inside = (*path.split("/", 2), "", "")[:3]
        _require(uri, bool(owner and name and inside), "hf://owner/repo/path@revision")
        _require_inside(uri, path)
        return HubSource(f"{owner}/{name}", inside, revision or "main")
    if scheme in ("http", "https"):
        parts = urlsplit(uri)
        _require(uri, bool(parts.netloc and parts.path.strip("/")), "https://host/path")
        _require_inside(uri, unquote(parts.path))
        return HttpSource(uri)
    if scheme == "package":
        distribution, _, inside = rest.partition("/")
        _require(uri, bool(distribution and inside), "package://distribution/path")
        _require_inside(uri, inside)
        return PackageSource(distribution, inside)
    if scheme == "file":
        _require(uri, rest.startswith("/"), "file:///path")
        return FileSource(Path(unquote(rest)))
    raise PluginError(f"weights source {uri!r}: the scheme {scheme!r} is unknown.")


def _require(uri: str, fits: bool, form: str) -> None:
    if not fits:
        raise PluginError(f"weights source {uri!r} is not of the form {form}.")


def _require_inside(uri: str, path: str) -> None:
    if ".." in path.split("/") or "\\" in path or "\0" in path:
        raise PluginError(f"weights source {uri!r} leaves its folder.")
