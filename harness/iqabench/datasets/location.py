"""Where a dataset lies and how it is to be read: ``PATH[option=value,...]``, or a TOML file that says so."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqabench.datasets.items import SUBSET, DatasetSpec, conditions
from iqabench.errors import DatasetError, UsageError
from iqabench.patterns import nearest
from iqabench.types import ParamValue

_BRACKETS = re.compile(r"(?P<path>.+?)\[(?P<options>[^\[\]]*)\]", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A dataset's path, every one of its loader's options, and the conditions that its items must meet.

    ``given`` are the options as the user wrote them.
    """

    path: Path
    options: Mapping[str, ParamValue]
    conditions: tuple[str, ...] = ()
    given: Mapping[str, object]


def locate(path: Path, spec: DatasetSpec) -> Place:
    """What ``path`` says. A path that exists is never taken apart. Raises UsageError for what it cannot mean."""
    given: dict[str, Any] = {}
    parsed = None if _exists(path) else _BRACKETS.fullmatch(str(path))
    if parsed:
        path = Path(parsed["path"])
        given = _pairs(parsed["options"])
    if path.suffix == ".toml":
        written = _read(path)
        where = written.pop("path", None)
        if not isinstance(where, str) or not where:
            raise DatasetError(f"{path}: does not say where the dataset is.", hint='Write path = "...".')
        path = path.parent / Path(where).expanduser()
        given = written | given
    return Place(path=path, options=_options(given, spec), conditions=_conditions(given, spec), given=given)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # with its options it may be longer than a file's name can be
        return False


def _options(given: Mapping[str, Any], spec: DatasetSpec) -> dict[str, ParamValue]:
    declared = {param.name: param for param in spec.options}
    known = [*declared, *spec.filters, *([SUBSET] if spec.subsets else [])]
    for name in given:
        if name not in known:
            hint = nearest(name, known) or (f"It has: {', '.join(known)}." if known else "It has none.")
            raise UsageError(f"dataset {spec.name} has no option {name!r}.", hint=hint)
    return {name: param.check(given.get(name, param.default)) for name, param in declared.items()}


def _conditions(given: Mapping[str, Any], spec: DatasetSpec) -> tuple[str, ...]:
    found = [f"{name}={given[name]}" for name in spec.filters if name in given]
    if SUBSET in given:
        name = str(given[SUBSET])
        if name not in spec.subsets:
            raise UsageError(f"{spec.name} has no subset {name!r}.", hint=f"It has: {', '.join(spec.subsets)}.")
        found += [f"{fact}={'|'.join(values)}" for fact, values in conditions(spec.subsets[name]).items()]
    return tuple(found)


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{part!r} in [{text}] is not name=value.", hint="Write it as PATH[split=test].")
        pairs[name.strip()] = value.strip()
    return pairs


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as TOML ({error}).") from error
