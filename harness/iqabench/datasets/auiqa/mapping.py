"""What a user says about a copy of AU-IQA whose names cannot be guessed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqabench.datasets.auiqa.names import CELLS, Names
from iqabench.errors import DatasetError

DEFAULT = "iqabench.toml"
_KEYS = ("labels", "columns", "tasks", "enhancers")
_COLUMNS = ("image", "mos", "task", "enhancer", "raters")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """``labels`` are the tables to read, all by default; ``columns`` maps image, mos, task and enhancer to columns."""

    labels: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    raters: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)


def read_mapping(folder: Path, given: str) -> Rules:
    """The rules in the TOML file ``given``, relative to ``folder``. Raises DatasetError.

    Example::

        labels = ["votes.xlsx"]
        [columns]
        image = "pic"
        raters = ["u1", "u2", "u3", "u4", "u5"]
        [tasks]
        "Type A" = "sr"
        [enhancers]
        "Method 3" = "diffbir"
    """
    path = folder / Path(given or DEFAULT).expanduser()
    if not given and not path.is_file():
        return Rules()
    try:
        with path.open("rb") as file:
            plain = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as TOML ({error}).") from error
    _require_known(plain, _KEYS, path, "")
    columns = _table(plain, "columns", path)
    _require_known(columns, _COLUMNS, path, "columns.")
    tasks = _texts(_table(plain, "tasks", path), path, "tasks")
    for alias, task in tasks.items():
        if task not in CELLS:
            raise DatasetError(f"{path}: tasks.{alias} = {task!r} is no task.", hint=f"Say one of {', '.join(CELLS)}.")
    raters = columns.pop("raters", [])
    return Rules(
        labels=_list(plain.get("labels", []), path, "labels"),
        columns=_texts(columns, path, "columns"),
        raters=_list(raters, path, "columns.raters"),
        names=Names(tasks=tasks, enhancers=_texts(_table(plain, "enhancers", path), path, "enhancers")),
    )


def _require_known(plain: Mapping[str, Any], known: tuple[str, ...], path: Path, prefix: str) -> None:
    for key in plain:
        if key not in known:
            raise DatasetError(f"{path}: {prefix}{key} has no meaning.", hint=f"It may hold {', '.join(known)}.")


def _table(plain: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = plain.get(key, {})
    if not isinstance(value, dict):
        raise DatasetError(f"{path}: {key} must be a table.")
    return dict(value)


def _texts(plain: Mapping[str, Any], path: Path, where: str) -> dict[str, str]:
    for key, value in plain.items():
        if not isinstance(value, str):
            raise DatasetError(f"{path}: {where}.{key} must be text.")
    return dict(plain)


def _list(value: object, path: Path, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise DatasetError(f"{path}: {where} must be a list of texts.")
    return tuple(value)
