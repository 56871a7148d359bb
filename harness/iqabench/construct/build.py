"""Building a dataset: photos chosen and copied, degraded and enhanced by a run, and laid out under readable names.

It goes on where it stopped, like the run beneath it: what is there and whole is not made again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from iqabench.api import run_study
from iqabench.construct.card import card
from iqabench.construct.placing import place
from iqabench.construct.recipe import Recipe
from iqabench.datasets import DatasetSpec, Item
from iqabench.datasets.built import FACTS, IMAGES, Entry, Role, of_role, to_csv
from iqabench.datasets.folder import read_folder
from iqabench.datasets.selection import copy_images, select_items
from iqabench.errors import DatasetError, UsageError
from iqabench.patterns import at_path
from iqabench.plan import Photo
from iqabench.plugins import Plugins, discover
from iqabench.report.table import IMAGES as RUN_IMAGES
from iqabench.report.table import read_table
from iqabench.runner.manifest import STUDY, write_text
from iqabench.runner.observer import Observer
from iqabench.runner.scan import Scanner
from iqabench.specs import DEGRADER_GROUPS
from iqabench.store import Store, slug

SOURCES = "sources"
WORK = ".run"
"""The run folder inside the dataset's; its images are the dataset's own, not copies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """``failures`` are the images that could not be made, each with the reason."""

    folder: Path
    entries: tuple[Entry, ...]
    failures: tuple[tuple[str, str], ...]

    def count(self, role: Role) -> int:
        return len(of_role(self.entries, role))


def build(recipe: Recipe, observer: Observer, *, waiting: Callable[[], None] | None = None) -> Built:
    """Make the dataset that ``recipe`` describes in ``recipe.study.out``.

    Images that fail are left out and named in the result. Raises UsageError for a recipe that cannot be followed,
    and DatasetError or StoreError where files cannot be read or written.
    """
    plugins = discover()
    study, folder = recipe.study, Path(recipe.study.out)
    if not study.degraders and not study.enhancers and not study.suite:
        raise UsageError("There is nothing to make.", hint="Name --degraders, --enhancers or a --suite.")
    spec, items = _photos(recipe, plugins)
    copy_images(items, folder / SOURCES)
    within = replace(study, images=str(folder / SOURCES), dataset=(), out=str(folder / WORK))
    result = run_study(within, observer, waiting=waiting)
    table = read_table(folder / WORK, RUN_IMAGES)
    entries, failures = _laid_out(folder, table)
    facts = _facts(recipe, spec, result.manifest, entries) | kept_opinions(folder)
    write_text(folder / IMAGES, to_csv(entries))
    write_text(folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False))
    write_text(folder / STUDY, recipe.to_toml())
    write_text(folder / "README.md", card(folder.resolve().name, facts, entries))
    return Built(folder=folder, entries=tuple(entries), failures=tuple(failures))


def read_facts(folder: Path) -> dict[str, Any]:
    """What ``dataset.json`` says. Raises DatasetError."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder / FACTS}: cannot be read ({error}).", hint="Build the dataset again.") from error
    return facts


def kept_opinions(folder: Path) -> dict[str, Any]:
    """What is on record of people's opinions, which building again does not change."""
    if not (folder / FACTS).is_file():
        return {}
    facts = read_facts(folder)
    return {"opinions": facts["opinions"]} if "opinions" in facts else {}


def _photos(recipe: Recipe, plugins: Plugins) -> tuple[DatasetSpec | None, list[Item]]:
    study, draw = recipe.study, recipe.draw
    if study.images:
        if draw.select:
            raise UsageError("Photos without MOS cannot be selected by it.", hint="Give --dataset, or no --select.")
        return None, read_folder(Path(study.images))
    if not study.dataset:
        raise UsageError("There are no photos.", hint="Give --images DIR or --dataset NAME:PATH.")
    spec, where = at_path(study.dataset[0], plugins.datasets)
    items = spec.read(where)
    if draw.select:
        items = select_items(
            items,
            draw.select,
            seed=study.seed,
            min_quantile=draw.min_mos_quantile,
            higher_is_better=spec.as_read(where).higher_is_better,
            per_source=draw.per_source,
        )
    return spec, items


@dataclass(frozen=True, slots=True)
class _Planned:
    """An image of the run, and the file of the dataset that it is to be."""

    file: str
    item: str
    role: Role
    degrader: str
    enhancer: str


def _laid_out(folder: Path, table: pd.DataFrame) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Every image of the run under its name in the dataset, and those that are not there."""
    photos = table[table["degrader"].eq("") & table["enhancer"].eq("")]
    stems = Counter(os.path.splitext(name)[0] for name in photos["item"])
    planned: list[_Planned] = []
    failures: list[tuple[str, str]] = []
    for item, degrader, enhancer, image, status, reason in table[
        ["item", "degrader", "enhancer", "image", "status", "reason"]
    ].itertuples(index=False, name=None):
        stem = os.path.splitext(item)[0]
        name = stem if stems[stem] == 1 else item
        role: Role = "enhanced" if enhancer else "degraded" if degrader else "source"
        parts = [slug(part) for part in (degrader, enhancer) if part]
        file = _source(item) if role == "source" else "/".join([role, *parts, f"{name}.png"])
        if status != "done":
            failures.append((file, reason))
            continue
        if role != "source":
            place(folder / WORK / image, folder / file)
        planned.append(_Planned(file, item, role, degrader, enhancer))
    with Store(folder / WORK) as store:  # which remembers the digests of files that have not changed
        found = Scanner(store).photos([Item(name=one.file, image=folder / one.file) for one in planned])
    seen = {photo.item.name: photo for photo in found}
    failures += [(photo.item.name, photo.problem) for photo in found if photo.problem]
    return [_entry(one, seen) for one in planned if not seen[one.file].problem], failures


def _entry(one: _Planned, seen: Mapping[str, Photo]) -> Entry:
    image, source = seen[one.file], seen[_source(one.item)]
    return Entry(
        file=one.file,
        source=one.item,
        role=one.role,
        task=_task(one.degrader, one.enhancer),
        degrader=one.degrader,
        enhancer=one.enhancer,
        reference=source.item.name if one.role != "source" and source.size == image.size else "",
        sha256=image.digest,
        width=image.size[1],
        height=image.size[0],
    )


def _source(item: str) -> str:
    return f"{SOURCES}/{item}"


def _task(degrader: str, enhancer: str) -> str:
    """What the enhancer does, or what would undo the degrader: their groups tell."""
    return enhancer.partition(".")[0] if enhancer else DEGRADER_GROUPS.get(degrader.partition(".")[0], "")


def _facts(recipe: Recipe, spec: DatasetSpec | None, manifest: Any, entries: Sequence[Entry]) -> dict[str, Any]:
    draw = recipe.draw
    return {
        "format": 1,
        "photos": {
            "dataset": spec.name if spec else "",
            "licence": spec.licence if spec else "",
            "n": len(of_role(entries, "source")),
            **({"seed": recipe.study.seed} if draw.select else {}),
            **({name: getattr(draw, name) for name in draw.__slots__} if draw.select else {}),
        },
        "seed": recipe.study.seed,
        "models": manifest["models"],
        "counts": dict(Counter(entry.role for entry in entries)),
        "iqabench": manifest["iqabench"],
        "libraries": manifest["libraries"],
        "machine": manifest["machine"],
    }
