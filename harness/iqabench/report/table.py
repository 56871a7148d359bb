"""The long table: one row a score, and the matrices made from it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from iqabench.errors import StoreError, UsageError
from iqabench.patterns import nearest
from iqabench.plan import Plan
from iqabench.store import Outcome, Store

SCORES, IMAGES = "scores", "images"
IMAGE_COLUMNS = ("dataset", "item", "degrader", "enhancer", "image", "status", "reason", "seconds", "device")
COLUMNS = (
    "dataset", "item", "source", "degrader", "enhancer", "scorer", "seed", "score", "status", "reason",
    "seconds", "device", "mos", "image",
)  # fmt: skip


def long_table(plan: Plan, outcomes: Mapping[str, Outcome], store: Store, *, seed: int) -> pd.DataFrame:
    """One row for every score that was planned.

    ``status`` is done, failed or (after a stop) pending; ``score`` is NaN unless done. ``image`` is the file that
    was scored, relative to the run folder where the run made it.
    """
    rows = []
    for cell in plan.stage("score"):
        outcome = outcomes.get(cell.key)
        item = cell.photo.item
        image = store.image_path(cell.input).relative_to(store.folder) if cell.input else cell.file
        rows.append(
            (
                cell.photo.dataset,
                item.name,
                item.source or item.name,
                cell.degrader,
                cell.enhancer,
                cell.model.label,
                seed,
                outcome.score if outcome else None,
                outcome.status if outcome else "pending",
                outcome.reason if outcome else "",
                outcome.seconds if outcome else 0.0,
                outcome.device if outcome else "",
                item.mos,
                str(image),
            )
        )
    table = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    return table.astype({"score": "float64", "mos": "float64", "seconds": "float64", "seed": "int64"})


def image_table(plan: Plan, outcomes: Mapping[str, Outcome], store: Store) -> pd.DataFrame:
    """One row for every image of the run: the photos (degrader and enhancer empty), what other tools made of them,
    and every image that was to be made. ``image`` is as in the long table."""
    rows: dict[tuple[str, ...], tuple[object, ...]] = {}
    for photo in plan.photos:
        status = "failed" if photo.problem else "done"
        key = (photo.dataset, photo.item.name, "", "")
        rows[key] = (*key, str(photo.item.image), status, photo.problem, 0.0, "")
    for cell in plan.cells:
        key = (cell.photo.dataset, cell.photo.item.name, cell.degrader, cell.enhancer)
        if cell.model.stage != "score":
            outcome = outcomes.get(cell.key) or Outcome(cell.key, "failed", reason="not tried yet")
            path = str(store.image_path(cell).relative_to(store.folder))
            rows[key] = (*key, path, outcome.status, outcome.reason, outcome.seconds, outcome.device)
        elif key not in rows:
            rows[key] = (*key, str(cell.file), "failed" if cell.problem else "done", cell.problem, 0.0, "")
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
