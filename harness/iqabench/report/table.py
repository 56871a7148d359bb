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

SCORES = "scores.parquet"
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


def write_scores(folder: Path, table: pd.DataFrame) -> None:
    """The table as scores.csv and scores.parquet, each whole or not at all. Raises StoreError."""
    for name, write in (("scores.csv", table.to_csv), (SCORES, table.to_parquet)):
        temporary = folder / f".{name}.{secrets.token_hex(4)}.tmp"
        try:
            write(temporary, index=False)
            os.replace(temporary, folder / name)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreError(f"{folder / name}: cannot be written ({error.strerror or error}).") from error


def read_scores(folder: Path) -> pd.DataFrame:
    """The table of a run folder. Raises StoreError."""
    path = folder / SCORES
    if not path.is_file():
        raise StoreError(f"{folder} holds no scores.", hint="Give the folder that `iqabench run --out` named.")
    return pd.read_parquet(path)
