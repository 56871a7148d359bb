"""The data behind the charts, small: numbers as base64 of what they are in memory, names once."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from iqabench.report.conclusions import Conclusions
from iqabench.report.opinions import Rated
from iqabench.report.page.wide import Floats, Wide
from iqabench.report.residuals import ERRORS
from iqabench.stats.mapping import MappingName, fit_pairs
from iqabench.stats.pairs import pair

MAPPING: MappingName = "logistic4"
_FIGURES = (("plcc", "none"), ("plcc", MAPPING), ("srcc", "none"))
_FEWEST = 10
_COMPARED = ("plcc", "srcc", "krcc", "within", "rmse")


def floats(values: ArrayLike) -> str:
    """Little-endian float32."""
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def integers(values: ArrayLike) -> str:
    """Little-endian uint32."""
    return base64.b64encode(np.asarray(values, dtype="<u4").tobytes()).decode()


def bits(mask: ArrayLike) -> str:
    """A mask, eight images a byte, the first in the lowest bit."""
    return base64.b64encode(np.packbits(np.asarray(mask, dtype=bool), bitorder="little").tobytes()).decode()


def images(table: Wide) -> dict[str, Any]:
    """Names and scores of all images."""
    found: dict[str, Any] = {"n": table.n}
    for name in ("item", "degrader", "enhancer", "task", "dataset"):
        labels = list(dict.fromkeys(table.images[name]))
        codes = table.images[name].map({label: at for at, label in enumerate(labels)})
        found[name] = {"labels": labels, "codes": integers(codes)}
    return found | {
        "scorers": [
            {"label": label, "higher": higher} for label, higher in zip(table.scorers, table.higher, strict=True)
        ],
        "scores": floats(table.scores.T),
        "mos": floats(table.mos),
    }


def opinions(table: Wide, found: Conclusions) -> dict[str, Any]:
    """Groups, fitted curves, figures and tests."""
    rated = found.rated
    rows = table.rows_of(rated.images)
    masks = []
    for group in found.groups:
        mask = np.zeros(table.n, dtype=bool)
        mask[rows[np.any(group.parts, axis=0)]] = True
        masks.append(mask)
    up = np.zeros(table.n, dtype=bool)
    up[rows] = rated.upwards()
    return {
        "groups": [
            {"label": group.label, "by": group.by, "n": group.n, "images": bits(mask), "pooled": len(group.parts) == 1}
            for group, mask in zip(found.groups, masks, strict=True)
        ],
        "mosUp": bool(up[rows].all()),
        "fits": floats(_fits(rated, found)),
        "figures": {
            f"{metric} {mapping}": floats(values)
            for metric, mapping in _FIGURES
            if (values := _figure(found, metric, mapping)) is not None
        },
        "tests": _tests(found),
        "level": found.level,
    }


def _fits(rated: Rated, found: Conclusions) -> Floats:
    """β1..β4 of the logistic of every scorer on every group (groups, scorers, 4), of oriented scores and opinions;
    nan where the raw PLCC is not positive, no curve was fitted, or opinions cannot be pooled."""
    out = np.full((len(found.groups), len(rated.scores), 4), np.nan)
    mos = rated.better_mos()
    for at, group in enumerate(found.groups):
        if len(group.parts) > 1:
            continue
        mask = group.parts[0]
        for place, (label, values) in enumerate(rated.scores.items()):
            better = values if rated.higher_is_better[label] else -values
            pairs = pair(better[mask], mos[mask])
            fitted = fit_pairs(MAPPING, pairs)
            if fitted is not None and not fitted.flat:
                out[at, place] = fitted.parameters
    return out


def _figure(found: Conclusions, metric: str, mapping: str) -> Floats | None:
    part = found.table[(found.table["metric"] == metric) & (found.table["mapping"] == mapping)]
    if part.empty:
        return None
    wide = part.pivot(index="group", columns="scorer", values="value")
    return wide.reindex(index=[group.label for group in found.groups], columns=list(found.rated.scores)).to_numpy()


def _tests(found: Conclusions) -> list[dict[str, Any]]:
    """By metric and group: values (scorers,) and the adjusted p of every two scorers, row by row above the diagonal."""
    tests = []
    size = len(found.rated.scores)
    upper = np.triu_indices(size, k=1)
    for (metric, mapping, group), boot in found.resamples.items():
        if metric in _COMPARED and boot.contents >= _FEWEST and size > 1:
            tests.append(
                {
                    "metric": metric,
                    "mapping": mapping,
                    "group": group,
                    "less": metric in ERRORS,
                    "values": floats(boot.estimate),
                    "p": floats(boot.max_t_p_values()[upper]),
                }
            )
    return tests
