"""A user's own files for a model that takes whole checkpoints in any shards, or an adapter (``OwnFiles``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from iqabench.errors import UsageError, WeightsError, WeightsMissing
from iqabench.patterns import nearest
from iqabench.specs import ModelSpec, OwnFiles, WeightsFile

INDEX = ".index.json"


def own_checkpoint(
    spec: ModelSpec, own: OwnFiles, needed: Mapping[str, WeightsFile], overrides: str | Path | Mapping[str, str | Path]
) -> tuple[dict[str, Path], set[str]]:
    """The user's files by name, and the names of the declared files that they stand in for.

    ``overrides`` are a folder, a file that fits ``own`` or a mapping. An index of shards brings along those beside
    it. Raises UsageError for what fits nothing, WeightsMissing.
    """
    given = overrides if isinstance(overrides, Mapping) else {Path(overrides).name: overrides}
    found: dict[str, Path] = {}
    whole = False
    for name, text in given.items():
        path = Path(text).expanduser().absolute()
        if path.is_dir():
            files = _in_folder(spec, own, needed, path)
            whole |= any(fits(file, own.instead) and not fits(file, own.beside) for file in files)
            found |= files
        elif name in needed or fits(name, (*own.instead, *own.beside)):
            if not path.is_file():
                raise WeightsMissing(f"{path}, given as weights of {spec.id}, is not a file.")
            whole |= name not in needed and not fits(name, own.beside)
            beside = _shards_beside(path) if name.endswith(INDEX) else {}
            found |= {**beside, **found, name: path}
        else:
            hint = nearest(name, list(needed)) or f"It loads: {', '.join((*needed, *own.instead, *own.beside))}."
            raise UsageError(f"{spec.id} loads no weights file named {name!r}.", hint=hint)
    # Shards of two checkpoints are never mixed.
    replaced = {name for name in needed if fits(name, own.instead) and name not in found} if whole else set()
    return found, replaced


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _in_folder(spec: ModelSpec, own: OwnFiles, needed: Mapping[str, WeightsFile], folder: Path) -> dict[str, Path]:
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    beside = [name for name in names if fits(name, own.beside)]
    rest = [name for name in names if name not in beside]
    whole = next(filter(None, ([name for name in rest if fits(name, (one,))] for one in own.instead)), [])
    if not beside and not whole and not any(name in needed for name in names):
        wanted = ", ".join((*own.instead, *own.beside))
        raise UsageError(f"{folder}, given as weights of {spec.id}, holds none of the files that it loads: {wanted}.")
    others = [name for name in rest if name in needed and not fits(name, own.instead)]
    return {name: folder / name for name in (*others, *whole, *beside)}


def _shards_beside(index: Path) -> dict[str, Path]:
    """The shards that an index names and that lie in its folder. Raises WeightsError for what is no index."""
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{index} is not an index of shards: it has no weight_map.") from error
    return {name: index.parent / name for name in sorted(names) if (index.parent / Path(name).name).is_file()}
