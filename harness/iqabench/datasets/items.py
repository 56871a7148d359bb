"""What a dataset is to the harness: a list of items, and the facts its maker published."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from iqabench.errors import DatasetError, IqabenchError, PluginError, UsageError
from iqabench.specs import Param

Fact = str | float

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LOADER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
SUBSET = "subset"
"""The option that names a declared subset: ``tid2013:PATH[subset=noise]``."""
OPINION_OPTIONS = ("direction", "range")
"""Options by which a dataset without direction or range of its own is told them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One image to be scored, or one photo to be degraded and enhanced.

    ``name`` is unique in its dataset, with forward slashes. ``source`` names the photographed content: items
    made from one photo share it, and intervals resample it. ``facts`` holds whatever else the dataset says
    (task, enhancer, split, distortion, raw votes), by column.
    """

    name: str
    image: Path
    reference: Path | None = None
    source: str = ""
    mos: float | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def fits(self, condition: str) -> bool:
        """Whether the facts are as ``"task=sr,enhancer=diffbir|pasd"`` says. The empty condition fits all."""
        return all(fact_text(self.facts.get(name, "")) in values for name, values in conditions(condition).items())


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """A dataset's declaration. ``load`` is ``"module:function"``: a path, and each of ``options`` by name -> items.

    ``measure`` is what people's opinion is called (MOS, DMOS, JOD, Elo), ``mos_range`` its (lowest, highest),
    None where only the user knows; ``higher_is_better`` is False for most DMOS. ``n`` is the number of images
    when read without options, ``layout`` the files that are looked for, in words.

    Facts that matter to conclusions: ``splits`` names those that hold an official split, ``groups`` those whose
    values are reported one by one, ``within`` the one inside whose values correlations are computed and then
    averaged (no pooled figure means anything). ``subsets`` maps a published subset to its condition, as
    ``{"noise": "distortion=awgn|blur"}``; ``counts`` maps a condition to the number of items that meet it.
    A user narrows a dataset by any of these facts: ``koniq10k:PATH[split=test]``.
    """

    name: str
    summary: str
    load: str
    licence: str
    mos_range: tuple[float, float] | None = None
    higher_is_better: bool = True
    paper: str = ""
    home: str = ""
    measure: str = "MOS"
    n: int | None = None
    layout: str = ""
    reference: bool = False
    splits: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    within: str = ""
    subsets: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    options: tuple[Param, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PluginError(f"dataset name {self.name!r} is not lower-case letters, digits and hyphens.")
        if not _LOADER.fullmatch(self.load):
            raise PluginError(f'dataset {self.name}: load={self.load!r} is not "module:function".')
        if not self.summary or "\n" in self.summary:
            raise PluginError(f"dataset {self.name}: summary must be one line.")
        if not self.licence:
            raise PluginError(f"dataset {self.name}: licence is empty.")
        if self.mos_range is not None and not self.mos_range[0] < self.mos_range[1]:
            raise PluginError(f"dataset {self.name}: mos_range={self.mos_range} is not (lowest, highest).")
        names = [param.name for param in self.options]
        taken = [name for name in names if names.count(name) > 1 or name in (*self.filters, SUBSET)]
        if taken:
            raise PluginError(f"dataset {self.name}: the option {taken[0]!r} has two meanings.")
        for param in self.options:
            param.check(param.default)

    @property
    def filters(self) -> tuple[str, ...]:
        """The facts by which a user may narrow the dataset."""
        named = (*self.splits, *self.groups, *([self.within] if self.within else []))
        return tuple(dict.fromkeys(named))

    def read(self, path: Path) -> list[Item]:
        """The items of the dataset at ``path``, which may end in options: ``PATH[split=test,size=512x384]``.

        ``path`` may also be a TOML file with the keys ``path`` and the options'. Image files are not looked at:
        one that is missing is found when it is read. Raises DatasetError, and UsageError for a bad option.
        """
        from iqabench.datasets.location import locate

        place = locate(path, self)
        module, _, name = self.load.partition(":")
        try:
            items: list[Item] = getattr(importlib.import_module(module), name)(place.path, **place.options)
        except IqabenchError:
            raise
        except Exception as error:  # a plugin's loader may raise anything at all
            raise PluginError(f"dataset {self.name}: its loader raised {type(error).__name__}: {error}.") from error
        _require_unique(items, place.path)
        for condition in place.conditions:
            items = self._narrowed(items, condition, place.path)
        if not items:
            raise DatasetError(f"{place.path} holds no image of {self.name}.", hint=self.layout)
        return items

    def as_read(self, path: Path) -> DatasetSpec:
        """This declaration with the direction and range that the options in ``path`` give, where it takes them."""
        from iqabench.datasets.location import locate

        options = locate(path, self).options
        spec = self
        if options.get("direction"):
            spec = replace(spec, higher_is_better=options["direction"] == "higher")
        if options.get("range"):
            spec = replace(spec, mos_range=_range(str(options["range"])))
        return spec

    def _narrowed(self, items: Sequence[Item], condition: str, path: Path) -> list[Item]:
        kept = [item for item in items if item.fits(condition)]
        if not kept:
            name = next(iter(conditions(condition)))
            known = sorted({fact_text(item.facts[name]) for item in items if name in item.facts})
            hint = f"{name} is one of {', '.join(known[:12])}." if known else f"Nothing there says the {name}."
            raise DatasetError(f"{path}: no image has {condition}.", hint=hint)
        return kept


def conditions(text: str) -> dict[str, tuple[str, ...]]:
    """``"task=sr,enhancer=diffbir|pasd"`` as ``{"task": ("sr",), "enhancer": ("diffbir", "pasd")}``."""
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {name.strip(): tuple(value.strip() for value in values.split("|")) for name, _, values in pairs}


def fact_text(value: Fact) -> str:
    """A fact as conditions and tables write it: whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _require_unique(items: Sequence[Item], path: Path) -> None:
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            raise DatasetError(f"{path}: the image {item.name} is listed twice.", hint="Remove one of the rows.")
        seen.add(item.name)


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        bounds = (float(low), float(high))
    except ValueError:
        bounds = (0.0, 0.0)
    if not bounds[0] < bounds[1]:
        raise UsageError(f"range={text!r} is not lowest:highest.", hint="Write it as range=1:5.")
    return bounds
