"""Which files a model run with given parameters loads: the declared ones, or a user's own in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from iqabench.errors import UsageError
from iqabench.specs import ModelSpec, WeightsFile
from iqabench.types import ParamValue
from iqabench.weights.cache import Cache
from iqabench.weights.fetch import fetch, missing, present
from iqabench.weights.own import Overrides, own_files
from iqabench.weights.progress import Progress


def resolve(
    spec: ModelSpec,
    params: Mapping[str, ParamValue],
    cache: Cache,
    *,
    overrides: Overrides = None,
    pull: bool = True,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """The path of every weights file that ``spec`` needs with ``params``, by the file's declared name.

    ``overrides`` are a user's own files: a path where the model needs exactly one file, a folder that holds
    all needed files under their names, or a mapping from names to paths. They must exist, and their digest is
    not checked. Files that come with a Python package need not be among them. All others are verified; with
    ``pull=False`` nothing is downloaded. A model that declares OwnFiles takes a whole checkpoint in other shards,
    or an adapter, from a folder, an index of shards (with the shards beside it) or a mapping; in a mapping, a
    folder may stand under any name. Their names are then among those returned.
    Raises UsageError for overrides that do not fit, WeightsMissing, DigestMismatch, DownloadError.
    """
    needed = {file.name: file for file in spec.needed_weights(params)}
    own, replaced = own_files(spec, needed, overrides)
    found = {
        name: own[name] if name in own else _declared(file, cache, spec.id, pull, progress)
        for name, file in needed.items()
        if name not in replaced
    }
    return {**found, **own}


def digests(files: Mapping[str, Path], cache: Cache) -> dict[str, str]:
    """The SHA-256 of each file in use, for the keys of cells. Hashes only files that have changed."""
    return {name: cache.digests.of(path) for name, path in files.items()}


def read_overrides(texts: Iterable[str]) -> dict[str, Path | dict[str, Path]]:
    """``ID=PATH`` and ``ID:NAME=PATH``, as typed, to each model's overrides. Raises UsageError."""
    given: dict[str, Path | dict[str, Path]] = {}
    for text in texts:
        target, path = split_override(text)
        model, colon, name = target.partition(":")
        if not (model and path) or (colon and not name):
            raise UsageError(f"--weights {text!r} cannot be read.", hint="Write it as ID=PATH or ID:NAME=PATH.")
        if not colon and model not in given:
            given[model] = Path(path)
            continue
        files = given.setdefault(model, {})
        if not colon or isinstance(files, Path) or name in files:
            raise UsageError(f"--weights {text!r}: {target} has been given a path already.")
        files[name] = Path(path)
    return given


def split_override(text: str) -> tuple[str, str]:
    """``ID=PATH`` and ``ID:NAME=PATH`` as target and path; where a name holds ``=``, the path is what exists."""
    parts = text.split("=")
    splits = [("=".join(parts[:at]), "=".join(parts[at:])) for at in range(1, len(parts))]
    there = (split for split in splits if split[1] and Path(split[1]).expanduser().exists())
    return next(there, splits[0] if splits else (text, ""))


def _declared(file: WeightsFile, cache: Cache, model: str, pull: bool, progress: Progress | None) -> Path:
    if pull:
        return fetch(file, cache, model=model, progress=progress)
    here = present(file, cache, model=model)
    if here is None:
        raise missing(file, cache, model)
    return here
