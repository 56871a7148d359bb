"""A run's tables as arrays: an image a row, a scorer a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.report.opinions import KEY

Floats = NDArray[np.float64]
_FACTS = ("source", "task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """``images`` has one row an image, in the order of the run: dataset, item, degrader, enhancer, source, task,
    image (its file), status and reason. ``scores`` is (n, scorers) with nan where there is none, ``planned`` says
    which of them were asked for; ``mos`` (n,) is as people gave it, nan where nobody did."""

    images: pd.DataFrame
    scorers: tuple[str, ...]
    higher: tuple[bool, ...]
    scores: Floats
    planned: NDArray[np.bool_]
    mos: Floats

    @property
    def n(self) -> int:
        return len(self.images)

    def better(self) -> Floats:
        """The scores with the sign that makes higher better (n, scorers)."""
        return self.scores * np.where(self.higher, 1.0, -1.0)

    def rows_of(self, images: pd.DataFrame) -> NDArray[np.intp]:
        """Where the images of another table are in this one; -1 where they are not."""
        return pd.MultiIndex.from_frame(self.images[KEY]).get_indexer(pd.MultiIndex.from_frame(images[KEY]))

    def contents(self) -> NDArray[np.object_]:
        """The source photo of each image (n,)."""
        return (self.images["dataset"] + ":" + self.images["source"]).to_numpy(dtype=object)


def wide(scores: pd.DataFrame, images: pd.DataFrame, models: Mapping[str, Mapping[str, Any]]) -> Wide:
    """From a run's long table, its table of images, and the manifest's facts by label."""
    columns = [*KEY, "image", "status", "reason"]
    facts = scores[[*KEY, *(name for name in (*_FACTS, "mos") if name in scores)]].drop_duplicates(KEY)
    scored = scores[[*KEY, "image"]].drop_duplicates(KEY).assign(status="done", reason="")
    every = pd.concat([images[columns], scored[columns]]).drop_duplicates(KEY).merge(facts, on=KEY, how="left")
    # An original that nobody scored is of the same photo as what was made from it.
    sources = dict(zip(zip(facts["dataset"], facts["item"], strict=True), facts["source"], strict=True))
    photos = zip(every["dataset"], every["item"], every["source"], strict=True)
    every["source"] = [
        known if isinstance(known, str) and known else sources.get((dataset, item), item)
        for dataset, item, known in photos
    ]
    for name in (*KEY, "task", "image", "status", "reason"):
        every[name] = (every[name] if name in every else pd.Series("", index=every.index)).fillna("").astype(str)
    every = every.reset_index(drop=True)
    labels = tuple(dict.fromkeys(scores["scorer"]))
    index = pd.MultiIndex.from_frame(every[KEY])
    table = scores.drop_duplicates([*KEY, "scorer"])
    at = index.get_indexer(pd.MultiIndex.from_frame(table[KEY]))
    column = table["scorer"].map({label: place for place, label in enumerate(labels)}).to_numpy(dtype=int)
    values = np.full((len(every), len(labels)), np.nan)
    values[at, column] = table["score"].where(table["status"] == "done").to_numpy(dtype=float)
    planned = np.zeros(values.shape, dtype=bool)
    planned[at, column] = True
    return Wide(
        images=every,
        scorers=labels,
        higher=tuple(bool(models[label]["higher_is_better"]) for label in labels),
        scores=values,
        planned=planned,
        mos=every["mos"].to_numpy(dtype=float) if "mos" in every else np.full(len(every), np.nan),
    )
