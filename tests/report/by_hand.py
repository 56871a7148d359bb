"""Images with opinions and scores made by hand, and how a figure of theirs is picked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from iqabench.report.opinions import Rated, Spread


def facts(**directions):
    return {name: {"higher_is_better": up, "training_data": []} for name, up in directions.items()}


def plain(mos, scores, *, contents=None, lower=(), dataset="", **columns):
    n = len(mos)
    return Rated(
        images=pd.DataFrame({"dataset": [dataset] * n, **columns}) if isinstance(dataset, str) else dataset,
        scores={name: np.asarray(values, dtype=float) for name, values in scores.items()},
        mos=np.asarray(mos, dtype=float),
        contents=None if contents is None else np.asarray(contents, dtype=object),
        higher_is_better={name: name not in lower for name in scores},
    )


def spread(rated, sd, raters):
    return replace(rated, spread=Spread(sd=np.asarray(sd, dtype=float), raters=np.full(rated.n, float(raters))))


def rows(found, **wanted):
    table = found.table
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table


def one(found, **wanted):
    table = rows(found, **wanted)
    assert len(table) == 1, table
    return table.iloc[0]
