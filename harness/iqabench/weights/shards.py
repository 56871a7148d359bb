"""The index of a checkpoint that lies in several files, as transformers writes it. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from iqabench.errors import WeightsError
from iqabench.weights.config import read_json

INDEX = ".index.json"
"""How the name of an index ends."""


def shards_of(index: Path) -> list[Path]:
    """The shards that an index names, in its own folder, whether they are there or not.

    Raises WeightsError for what is no index, or names a file outside its folder.
    """
    where = read_json(index).get("weight_map")
    if not isinstance(where, dict):
        raise WeightsError(f"{index} is not an index of shards: it has no weight_map.")
    for name in where.values():
        if not isinstance(name, str) or Path(name).name != name:
            raise WeightsError(f"{index} names a shard outside its folder: {name!r}.")
    return [index.parent / name for name in sorted(set(where.values()))]
