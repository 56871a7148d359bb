"""A user's own files in the place of those that a model declares."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from iqabench.errors import UsageError, WeightsMissing
from iqabench.patterns import nearest
from iqabench.specs import ModelSpec, OwnFiles, WeightsFile
from iqabench.weights.shards import INDEX, shards_of

Given = str | Path | Mapping[str, str | Path]
Overrides = Given | None
Needed = Mapping[str, WeightsFile]


def own_files(spec: ModelSpec, needed: Needed, overrides: Overrides) -> tuple[dict[str, Path], set[str]]:
    """The user's files by name, and the names of the declared files that are not to be loaded beside them.

    Raises UsageError for what fits nothing, WeightsMissing for what is no file.
    """
    if overrides is None:
        return {}, set()
    if spec.own is not None:
        return _checkpoint(spec, spec.own, needed, overrides)
    return _by_name(spec, needed, overrides), set()


def _by_name(spec: ModelSpec, needed: Needed, overrides: Given) -> dict[str, Path]:
    """For a model that takes its declared files only: a mapping, a folder, or one file for the one that is needed."""
    names = ", ".join(needed) or "none"
    if isinstance(overrides, Mapping):
        for name in overrides:
            if name not in needed:
                raise _unknown(spec, needed, name, f"With these parameters it loads: {names}.")
        return {name: _existing(path, spec) for name, path in overrides.items()}
    if not needed:
        raise UsageError(f"{spec.id} loads no weights, so none can be given.")
    path = Path(overrides).expanduser()
    wanted = [name for name, file in needed.items() if not _packaged(file)] or list(needed)
    if path.is_dir():
        return {name: _existing(path / name, spec) for name in needed if name in wanted or (path / name).exists()}
    if len(wanted) > 1:
        raise UsageError(
            f"{spec.id} loads {len(wanted)} weights files, and one path was given.",
            hint=f"Give a folder that holds them, or a path for each of: {names}.",
        )
    return {wanted[0]: _existing(path, spec)}


def _checkpoint(spec: ModelSpec, own: OwnFiles, needed: Needed, overrides: Given) -> tuple[dict[str, Path], set[str]]:
    """For a model that takes whole checkpoints in any shards, or an adapter: a folder, a file that fits ``own``, or a
    mapping of either. An index of shards brings along those beside it."""
    given = overrides if isinstance(overrides, Mapping) else {Path(overrides).name: overrides}
    found: dict[str, Path] = {}
    whole = False
    for name, text in given.items():
        path = Path(text).expanduser().absolute()
        if path.is_dir():
            files = _in_folder(spec, own, needed, path)
            whole |= any(_fits(file, own.instead) and not _fits(file, own.beside) for file in files)
            found |= files
        elif name in needed or _fits(name, (*own.instead, *own.beside)):
            found[name] = _existing(path, spec)
            if name.endswith(INDEX):
                whole = True
                found = {shard.name: shard for shard in shards_of(path) if shard.is_file()} | found
            whole |= name not in needed and not _fits(name, own.beside)
        else:
            raise _unknown(spec, needed, name, f"It loads: {', '.join((*needed, *own.instead, *own.beside))}.")
    # Shards of two checkpoints are never mixed.
    replaced = {name for name in needed if _fits(name, own.instead) and name not in found} if whole else set()
    return found, replaced


def _in_folder(spec: ModelSpec, own: OwnFiles, needed: Needed, folder: Path) -> dict[str, Path]:
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    beside = [name for name in names if _fits(name, own.beside)]
    rest = [name for name in names if name not in beside]
    whole = next(filter(None, ([name for name in rest if _fits(name, (one,))] for one in own.instead)), [])
    others = [name for name in rest if name in needed and not _fits(name, own.instead)]
    if not (others or whole or beside):
        wanted = ", ".join((*own.instead, *own.beside))
        raise UsageError(f"{folder}, given as weights of {spec.id}, holds none of the files that it loads: {wanted}.")
    return {name: folder / name for name in (*others, *whole, *beside)}


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _packaged(file: WeightsFile) -> bool:
    return any(source.startswith("package://") for source in file.sources)


def _existing(path: str | Path, spec: ModelSpec) -> Path:
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsMissing(f"{path}, given as weights of {spec.id}, is not a file.")
    return path.absolute()


def _unknown(spec: ModelSpec, needed: Needed, name: str, loads: str) -> UsageError:
    return UsageError(f"{spec.id} loads no weights file named {name!r}.", hint=nearest(name, list(needed)) or loads)
