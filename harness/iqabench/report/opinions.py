"""Scores beside opinions: an image a row, a scorer a column, with all that says which images belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.report.contamination import applying, photos_of, seen
from iqabench.report.judged import Judged
from iqabench.report.reading import numbers

KEY = ["dataset", "item", "degrader", "enhancer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far the votes on each image lie apart: sample ``sd`` and number of ``raters``, both (n,), nan if unknown."""

    sd: NDArray[np.float64]
    raters: NDArray[np.float64]

    def ci95(self) -> NDArray[np.float64]:
        """Half width of each opinion's 95 % interval (n,), by Student's t."""
        from scipy.special import stdtrit

        with np.errstate(invalid="ignore", divide="ignore"):
            half = stdtrit(self.raters - 1, 0.975) * self.sd / np.sqrt(self.raters)
        return np.where(self.raters > 1, half, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """Images with an opinion, and what every scorer says of them.

    ``images`` is a frame, one row an image in a fixed order, with text columns to group by; ``scores`` (n,) by
    scorer, nan where a score failed or was not planned; ``mos`` (n,) as given; ``contents`` (n,) names the source
    photo, None where images are independent. ``judged`` holds the facts by dataset, ``trained`` what each scorer
    says it was trained on. ``left_out`` counts images without an opinion.
    """

    images: pd.DataFrame
    scores: Mapping[str, NDArray[np.float64]]
    mos: NDArray[np.float64]
    contents: NDArray[np.object_] | None
    higher_is_better: Mapping[str, bool]
    judged: Mapping[str, Judged] = field(default_factory=dict)
    trained: Mapping[str, Sequence[str]] = field(default_factory=dict)
    spread: Spread | None = None
    left_out: int = 0

    @property
    def n(self) -> int:
        return self.mos.size

    @property
    def datasets(self) -> list[str]:
        return [str(name) for name in self.images["dataset"].unique()]

    def upwards(self) -> NDArray[np.bool_]:
        """For each image whether a higher opinion is a better one (n,)."""
        better = {name: self.judged[name].higher_is_better if name in self.judged else True for name in self.datasets}
        return self.images["dataset"].map(better).to_numpy(dtype=bool)

    def better_mos(self) -> NDArray[np.float64]:
        """The opinions with the sign that makes higher better."""
        return np.asarray(np.where(self.upwards(), self.mos, -self.mos))

    def contaminated(self, scorer: str, among: NDArray[np.bool_] | None = None) -> str:
        """The photos judged here, among the images of the mask (n,), that the scorer says it was trained on: datasets,
        with the split where it is known; or the empty string."""
        found: dict[str, None] = {}
        for name in self.datasets:
            here = (self.images["dataset"] == name).to_numpy(dtype=bool)
            judged = self.judged.get(name) or Judged(photos=photos_of(name))
            wanted = here if among is None else here & among
            for one in seen(self.trained.get(scorer, ()), judged.photos, self.images[here], judged.splits):
                found.update(dict.fromkeys(filter(None, [one.words(wanted[here])])))
        return ", ".join(found)


def rated(
    table: pd.DataFrame,
    models: Mapping[str, Mapping[str, Any]],
    judged: Mapping[str, Judged],
    *,
    raters: int = 0,
) -> Rated:
    """The rated images of a long table. ``models`` are the manifest's facts by label; ``raters`` says how many people
    judged each image, where the table has the spread of their votes (std).

    Every image with an opinion is there, whether a scorer managed it or not. Raises UsageError where no image has
    an opinion.
    """
    with_opinion = table[table["mos"].notna()]
    if with_opinion.empty:
        raise UsageError(
            "No image of this run has an opinion score, so there is nothing to correlate with.",
            hint="Run on a rated dataset: iqabench run --dataset NAME:PATH; see iqabench datasets.",
        )
    # In the order of their names, so that a random draw does not depend on the order of a run.
    images = with_opinion.drop_duplicates(KEY).sort_values(KEY, kind="stable").reset_index(drop=True)
    index = pd.MultiIndex.from_frame(images[KEY])
    wide = with_opinion.drop_duplicates([*KEY, "scorer"]).set_index([*KEY, "scorer"])["score"].unstack("scorer")
    wide = wide.reindex(index)
    labels = list(dict.fromkeys(table["scorer"]))
    everything = table.drop_duplicates(KEY)
    return Rated(
        images=images.drop(columns=["scorer", "score", "status", "reason", "seconds", "device", "seed"]),
        scores={
            label: wide[label].to_numpy(dtype=float) if label in wide else np.full(len(images), np.nan)
            for label in labels
        },
        mos=images["mos"].to_numpy(dtype=float),
        contents=_contents(images),
        higher_is_better={label: bool(models[label]["higher_is_better"]) for label in labels},
        judged=judged,
        trained={
            label: applying(models[label].get("training_data", ()), models[label].get("params", {})) for label in labels
        },
        spread=_spread(images, raters),
        left_out=int(everything["mos"].isna().sum()),
    )


def with_opinions(table: pd.DataFrame, opinions: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """The long table with the opinions of another table in place of its own.

    ``opinions`` has columns image and mos, and where known std and votes, as ``iqabench mos --out`` writes them. An
    image is named by its path in the run folder (or outside, as the long table has it), or a photo of the run by its
    own name. Raises UsageError.
    """
    for name in ("image", "mos"):
        if name not in opinions:
            raise UsageError(f"{where}: has no column {name!r}.", hint="Write it with: iqabench mos VOTES --out FILE")
    columns = [name for name in ("mos", "std", "votes") if name in opinions]
    given = pd.DataFrame({name: numbers(opinions[name]) for name in columns}, index=opinions["image"].astype(str))
    if not given.index.is_unique:
        raise UsageError(f"{where}: the image {given.index[given.index.duplicated()][0]} is there twice.")
    only_one = table.groupby(["dataset", "item"])["image"].transform("nunique") == 1
    as_it_came = only_one | (table["degrader"] == "") & (table["enhancer"] == "")
    names = table["image"].where(table["image"].isin(given.index), table["item"].where(as_it_came, ""))
    unknown = [name for name in given.index if name not in set(names)]
    if unknown:
        hint = "Images are named as in the column image of scores.csv."
        raise UsageError(f"{where}: the run has no image {unknown[0]!r} ({len(unknown)} such).", hint=hint)
    return table.assign(**{name: names.map(given[name]) for name in columns})


def _spread(images: pd.DataFrame, raters: int) -> Spread | None:
    counted = "votes" in images and pd.api.types.is_numeric_dtype(images["votes"])
    if not raters and not counted:
        return None
    if "std" not in images:
        raise UsageError("The dataset of this run does not say how far the votes on an image lie apart.")
    count = np.full(len(images), float(raters)) if raters else images["votes"].to_numpy(dtype=float)
    return Spread(sd=images["std"].to_numpy(dtype=float), raters=count)


def _contents(images: pd.DataFrame) -> NDArray[np.object_] | None:
    named = (images["dataset"].astype(str) + ":" + images["source"].astype(str)).to_numpy(dtype=object)
    return named if len(set(named)) < named.size else None
