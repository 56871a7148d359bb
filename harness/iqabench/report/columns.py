"""Scores beside opinions in any table, a row an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from iqabench.errors import UsageError
from iqabench.patterns import nearest
from iqabench.report.judged import Judged
from iqabench.report.opinions import Rated, Spread
from iqabench.report.reading import numbers


def rated_from_columns(
    frame: pd.DataFrame,
    *,
    mos: str,
    scores: Sequence[str] = (),
    groups: Sequence[str] = (),
    source: str = "",
    lower_better: Iterable[str] = (),
    std: str = "",
    raters: str = "",
) -> Rated:
    """The rated images of any table, a row an image.

    ``std`` names the column of the votes' standard deviations, ``raters`` the one of their number, or is that number.
    Without ``scores`` every other column of numbers is a scorer. ``lower_better`` names scorers, and may name the
    opinions' column. Raises UsageError for a column that is not there, or that holds what is no number.
    """
    known = [str(name) for name in frame.columns]
    counted = [raters] if raters and not raters.isdigit() else []
    used = [*([source] if source else []), *groups, *([std] if std else []), *counted, mos]
    if bool(std) != bool(raters):
        raise UsageError("The votes' standard deviation says nothing without their number, nor the other way round.")
    for name in [*used, *scores]:
        if name not in known:
            raise UsageError(
                f"There is no column {name!r}.", hint=nearest(name, known) or f"There are: {_some(known)}."
            )
    chosen = list(scores) or [name for name in known if name not in used and _is_numeric(frame[name])]
    if not chosen:
        raise UsageError("No column holds scores.", hint=f"Name one with --score; there are: {_some(known)}.")
    lower = list(lower_better)
    for name in lower:
        if name not in (*chosen, mos):
            raise UsageError(f"{name!r} is neither a scorer nor the opinions.", hint=nearest(name, [*chosen, mos]))
    opinions = numbers(frame[mos])
    kept = np.isfinite(opinions)
    if not kept.any():
        raise UsageError(f"The column {mos!r} holds no number.")
    columns = {name: frame[name].fillna("").astype(str) for name in groups}
    images = pd.DataFrame({"dataset": "", **columns}, index=frame.index)
    spread = None
    if std:
        count = numbers(frame[raters]) if counted else np.full(len(frame), float(raters))
        spread = Spread(sd=numbers(frame[std])[kept], raters=count[kept])
    return Rated(
        images=images[kept].reset_index(drop=True),
        scores={name: numbers(frame[name])[kept] for name in chosen},
        mos=opinions[kept],
        contents=frame[source].astype(str).to_numpy(dtype=object)[kept] if source else None,
        higher_is_better={name: name not in lower for name in chosen},
        judged={"": Judged(higher_is_better=mos not in lower)},
        spread=spread,
        left_out=int((~kept).sum()),
    )


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) and not pd.api.types.is_bool_dtype(column)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
