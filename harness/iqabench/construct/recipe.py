"""What a dataset is made from: a study, and how its photos are drawn from a rated dataset."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from iqabench.errors import UsageError
from iqabench.runner.study import Study, relative_to, study_from

DEFAULT_OUT = "iqabench-dataset"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """``select`` photos (0: all) of those at or above a quantile of MOS, at most ``per_source`` of one content."""

    select: int = 0
    min_mos_quantile: float = 0.75
    per_source: int = 1

    def __post_init__(self) -> None:
        if self.select < 0 or self.per_source < 0:
            raise UsageError("select and per_source cannot be negative.")
        if not 0 <= self.min_mos_quantile < 1:
            raise UsageError(f"min_mos_quantile={self.min_mos_quantile} cannot be.", hint="Give 0 up to less than 1.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """``study`` names photos, degraders, enhancers, seed and machine; ``study.out`` is the dataset's folder."""

    study: Study
    draw: Draw = field(default_factory=Draw)

    def __post_init__(self) -> None:
        study = self.study
        if study.iqa:
            raise UsageError("A dataset is built without scores.", hint="Leave --iqa out, and run it on the dataset.")
        if study.enhanced or study.references:
            raise UsageError("A dataset is built from photos alone, without other tools' images or references.")
        if study.limit:
            raise UsageError("A dataset takes all of its photos.", hint="Leave limit out; select draws from a dataset.")
        if len(study.dataset) > 1 or (study.dataset and study.images):
            raise UsageError("A dataset is built from one set of photos.", hint="Give --images or one --dataset.")

    def to_toml(self) -> str:
        """As a file that ``read_recipe`` reads back."""
        plain = {**asdict(self.study), **asdict(self.draw)}
        return tomli_w.dumps({key: value for key, value in plain.items() if value != ""})


def read_recipe(path: Path) -> Recipe:
    """A study file that may also say ``select``, ``min_mos_quantile`` and ``per_source``. Raises UsageError."""
    try:
        with path.open("rb") as file:
            plain = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error}).") from error
    recipe = recipe_from(plain, where=str(path))
    return replace(recipe, study=relative_to(recipe.study, path.parent))


def recipe_from(plain: Mapping[str, Any], *, where: str) -> Recipe:
    """A recipe from plain values, each checked for its type."""
    drawn = {item.name: type(getattr(Draw(), item.name)) for item in fields(Draw)}
    draw: dict[str, Any] = {}
    for name, kind in drawn.items():
        if name not in plain:
            continue
        value = plain[name]
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
            raise UsageError(f"{where}: {name} must be a number, not {value!r}.")
        draw[name] = kind(value)
    rest = {"out": DEFAULT_OUT, **{name: value for name, value in plain.items() if name not in drawn}}
    return Recipe(study=study_from(rest, where=where), draw=Draw(**draw))
