"""A network's configuration, read from a JSON file that lies beside its weights.

An official configuration comes with a plugin's package and is declared among its weights, as
``WeightsFile(name="config.json", sources=("package://...",))``; so a checkpoint of the same architecture in
another size loads with ``weights={"config.json": path, ...}``, and the configuration is part of a cell's key.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

from iqabench.errors import WeightsError

Config = TypeVar("Config")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises WeightsError where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is no JSON file that can be read: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} holds {type(found).__name__}, not an object of names and values.")
    return found


def read_config(path: Path, kind: type[Config]) -> Config:
    """The dataclass ``kind`` with the fields that the file gives; lists become tuples.

    Raises WeightsError for a field that ``kind`` does not have, or one without a default that is not given.
    """
    given = read_json(path)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [name for name in given if name not in fields]
    unsaid = (dataclasses.MISSING, dataclasses.MISSING)
    absent = [name for name, at in fields.items() if name not in given and (at.default, at.default_factory) == unsaid]
    faults = {"has no use for": unknown, "lacks": absent}
    told = [f"{what} {', '.join(names)}" for what, names in faults.items() if names]
    if told:
        raise WeightsError(f"{path} is not a configuration of this network: it {' and '.join(told)}.")
    return kind(**{name: _frozen(value) for name, value in given.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
