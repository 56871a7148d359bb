"""What pyiqa says of its metrics, read from its own table without importing it: that takes seconds, and torch."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from iqabench.errors import PluginError

TABLE = "DEFAULT_CONFIGS"
OF_MORE_THAN_AN_IMAGE = ("FID", "InceptionScore", "CLIPScore")
"""Types of network that compare sets of images, or an image with a text."""
_RANGE = re.compile(r"\s*(~?-?[\d.]*)\s*,\s*(~?-?[\d.]*)\s*")


@dataclass(frozen=True, slots=True)
class Metric:
    """``name`` is pyiqa's. ``score_range`` is what pyiqa calls a rough estimate."""

    name: str
    id: str
    reference: bool
    higher_is_better: bool
    score_range: tuple[float | None, float | None]


def installed_metrics() -> tuple[Metric, ...]:
    """The metrics of the pyiqa that ``import pyiqa`` would find; none where there is none.

    Raises PluginError where its table cannot be read.
    """
    path = table_path()
    if path is None:
        return ()
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def table_path() -> Path | None:
    """Where an installed pyiqa keeps its table; found without importing pyiqa."""
    try:
        spec = importlib.util.find_spec("pyiqa")
    except (ImportError, ValueError):
        return None
    paths = (Path(folder, "default_model_configs.py") for folder in (spec and spec.submodule_search_locations) or ())
    return next((path for path in paths if path.is_file()), None)


def metrics_in(source: str) -> tuple[Metric, ...]:
    """The metrics in the text of pyiqa's module ``default_model_configs``, of which nothing is run.

    Raises PluginError for a text of another form, or where two names would become one id.
    """
    metrics = tuple(
        Metric(
            name=name,
            id=identifier(name),
            reference=row["metric_mode"] == "FR",
            higher_is_better=not row.get("lower_better", False),
            score_range=score_range,
        )
        for name, row in _rows(source).items()
        if row["metric_opts"].get("type") not in OF_MORE_THAN_AN_IMAGE
        # Some metrics give several numbers, and their range is described in words.
        and (score_range := bounds(str(row.get("score_range", "~, ~")))) is not None
    )
    _refuse_twins(metrics)
    return metrics


def identifier(name: str) -> str:
    """``clipiqa+_vitL14_512`` -> ``pyiqa.clipiqa-plus-vitl14-512``."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "-plus-"))
    return f"pyiqa.{words.strip('-')}"


def bounds(text: str) -> tuple[float | None, float | None] | None:
    """``~0, ~1`` -> (0, 1); ``0, ~`` -> (0, None); None for a text that is no pair of numbers."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    low, high = (float(end.strip("~")) if end.strip("~-") else None for end in match.groups())
    return low, high


@cache
def _read(path: Path, _modified: int, _size: int) -> tuple[Metric, ...]:
    try:
        return metrics_in(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{path} cannot be read: {error}.") from error


def _rows(source: str) -> Mapping[str, Mapping[str, Any]]:
    """The literal that the table is made of: a dict, perhaps in a call as ``OrderedDict({...})``."""
    try:
        tree = ast.parse(source)
        value = next(
            statement.value
            for statement in tree.body
            if isinstance(statement, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == TABLE for target in statement.targets)
        )
        if isinstance(value, ast.Call) and len(value.args) == 1:
            value = value.args[0]
        rows = ast.literal_eval(value)
        if not all("metric_mode" in row and "metric_opts" in row for row in rows.values()):
            raise ValueError("a row without metric_mode or metric_opts")
    except (SyntaxError, StopIteration, ValueError, TypeError, AttributeError) as error:
        raise PluginError(
            f"The installed pyiqa's table of metrics cannot be read ({type(error).__name__}).",
            hint="This bridge knows pyiqa 0.1.13 to 0.1.16.",
        ) from error
    return dict(rows)


def _refuse_twins(metrics: Iterable[Metric]) -> None:
    names: dict[str, str] = {}
    for metric in metrics:
        if metric.id in names:
            raise PluginError(f"pyiqa's {names[metric.id]} and {metric.name} would both be {metric.id}.")
        names[metric.id] = metric.name
