"""What a dataset is to the harness: a list of items, and the facts its maker published."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


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
    facts: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """A dataset's declaration. ``load`` is ``"module:function"``: a folder's path -> items.

    ``mos_range`` is (lowest, highest); ``higher_is_better`` is False for DMOS.
    """

    name: str
    summary: str
    load: str
    licence: str
    mos_range: tuple[float, float]
    higher_is_better: bool = True
    paper: str = ""
    home: str = ""

    def read(self, path: Path) -> list[Item]:
        """The items of the dataset at ``path``. Raises DatasetError."""
        module, _, name = self.load.partition(":")
        items: list[Item] = getattr(importlib.import_module(module), name)(path)
        return items
