"""The long table: one row a score, and the matrices made from it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from iqabench.datasets import Item
from iqabench.datasets.items import fact_text
from iqabench.errors import StoreError, UsageError
from iqabench.patterns import nearest
from iqabench.plan import Cell, Plan
from iqabench.specs import TASKS, DegraderSpec, EnhancerSpec
from iqabench.store import Outcome, Store
from iqabench.text import decodable

SCORES, IMAGES = "scores", "images"
IMAGE_COLUMNS = ("dataset", "item", "degrader", "enhancer", "image", "status", "reason", "seconds", "device")
COLUMNS = (
    "dataset", "item", "source", "degrader", "enhancer", "scorer", "seed", "score", "status", "reason",
    "seconds", "device", "mos", "image", "task",
)  # fmt: skip
_NUMBERS = ("std", "votes")


def long_table(plan: Plan, outcomes: Mapping[str, Outcome], store: Store, *, seed: int) -> pd.DataFrame:
    """One row for every score that was planned.

    ``status`` is done, failed or (after a stop) pending; ``score`` is NaN unless done. ``image`` is the file that
    was scored, relative to the run folder where the run made it. ``mos`` is there where the image that was scored is
    the one that people rated, not one made from it. ``degrader``, ``enhancer`` and ``task`` (sr, lle or dn) are the
    run's own, or for a dataset's images what the dataset says. Further columns hold the dataset's other facts: those
    that are text, ``std`` and ``votes``.
    """
    rows = []
    further = _further_facts(plan)
    places: dict[str, str] = {}
    for cell in plan.stage("score"):
        outcome = outcomes.get(cell.key)
        item = cell.photo.item
        if cell.input and cell.input.key not in places:
            places[cell.input.key] = str(store.image_path(cell.input).relative_to(store.folder))
        rows.append(
            (
                cell.photo.dataset,
                item.name,
                item.source or item.name,
                *_made_by(item, cell.degrader, cell.enhancer),
                cell.model.label,
                seed,
                outcome.score if outcome else None,
                outcome.status if outcome else "pending",
                outcome.reason if outcome else "",
                outcome.seconds if outcome else 0.0,
                outcome.device if outcome else "",
                None if cell.degrader or cell.enhancer else item.mos,
                places[cell.input.key] if cell.input else decodable(str(cell.file)),
                _task(cell),
                *(_fact(item, name) for name in further),
            )
        )
    table = pd.DataFrame.from_records(rows, columns=[*COLUMNS, *further])
    numbers = dict.fromkeys(("score", "mos", "seconds", *(name for name in further if name in _NUMBERS)), "float64")
    return table.astype({**numbers, "seed": "int64"})


def _further_facts(plan: Plan) -> list[str]:
    named = {
        name: None
        for photo in plan.photos
        for name, value in photo.item.facts.items()
        if (isinstance(value, float | int) if name in _NUMBERS else isinstance(value, str)) and name not in COLUMNS
    }
    return list(named)


def _fact(item: Item, name: str) -> str | float | None:
    value = item.facts.get(name)
    if name in _NUMBERS:
        return float(value) if isinstance(value, float | int) else None
    return "" if value is None else fact_text(value)


def _made_by(item: Item, degrader: str, enhancer: str) -> tuple[str, str]:
    """The degrader and enhancer of an image; of an image that came as it is, what the dataset says.

    A dataset's enhancer is named with its task, as our own are: one that does two tasks is two models.
    """
    if degrader or enhancer:
        return degrader, enhancer
    task, named = (fact_text(item.facts.get(name, "")) for name in ("task", "enhancer"))
    return fact_text(item.facts.get("degrader", "")), f"{task}.{named}" if named and task in TASKS else named


def _task(cell: Cell) -> str:
    if not (cell.degrader or cell.enhancer):
        return fact_text(cell.photo.item.facts.get("task", ""))
    spec = cell.input.model.selection.spec if cell.input else None
    if isinstance(spec, EnhancerSpec):
        return spec.task
    return spec.undone_by if isinstance(spec, DegraderSpec) else ""


def image_table(plan: Plan, outcomes: Mapping[str, Outcome], store: Store) -> pd.DataFrame:
    """One row for every image of the run: the photos (degrader and enhancer empty), what other tools made of them,
    and every image that was to be made. ``image`` is as in the long table."""
    rows: dict[tuple[str, ...], tuple[object, ...]] = {}
    for photo in plan.photos:
        status = "failed" if photo.problem else "done"
        key = (photo.dataset, photo.item.name, *_made_by(photo.item, "", ""))
        rows[key] = (*key, decodable(str(photo.item.image)), status, photo.problem, 0.0, "")
    for cell in plan.cells:
        key = (cell.photo.dataset, cell.photo.item.name, *_made_by(cell.photo.item, cell.degrader, cell.enhancer))
        if cell.model.stage != "score":
            outcome = outcomes.get(cell.key) or Outcome(cell.key, "failed", reason="not tried yet")
            path = str(store.image_path(cell).relative_to(store.folder))
            rows[key] = (*key, path, outcome.status, outcome.reason, outcome.seconds, outcome.device)
        elif key not in rows:
            rows[key] = (*key, decodable(str(cell.file)), "failed" if cell.problem else "done", cell.problem, 0.0, "")
    return pd.DataFrame.from_records(list(rows.values()), columns=list(IMAGE_COLUMNS))


def matrix(table: pd.DataFrame, value: str = "mean") -> pd.DataFrame:
    """Degrader and enhancer down, scorers across.

    ``value`` is ``mean``, ``std``, ``median``, ``n`` (scores there) or ``planned``. A cell of which no score is
    there is NaN. Raises UsageError for another value.
    """
    values = ("mean", "std", "median", "n", "planned")
    if value not in values:
        raise UsageError(f"{value!r} is not a value of the matrix.", hint=nearest(value, values) or ", ".join(values))
    keys = ["degrader", "enhancer", "scorer"]
    grouped = table.groupby(keys, sort=False)["score"]
    if value == "n":
        cells = grouped.count()
    elif value == "planned":
        cells = grouped.size()
    else:
        cells = grouped.agg(value)
    wide = cells.unstack("scorer")
    return wide.reindex(columns=list(dict.fromkeys(table["scorer"]))).reindex(
        pd.MultiIndex.from_frame(table[["degrader", "enhancer"]].drop_duplicates())
    )


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """The table as NAME.csv and NAME.parquet, each whole or not at all. Raises StoreError."""
    for file, write in ((f"{name}.csv", table.to_csv), (f"{name}.parquet", table.to_parquet)):
        temporary = folder / f".{file}.{secrets.token_hex(4)}.tmp"
        try:
            write(temporary, index=False)
            os.replace(temporary, folder / file)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreError(f"{folder / file}: cannot be written ({error.strerror or error}).") from error


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run folder. Raises StoreError."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise StoreError(f"{folder} holds no {name}.", hint="Give the folder that `iqabench run --out` named.")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error}).", hint="Give the run's command again.") from error
