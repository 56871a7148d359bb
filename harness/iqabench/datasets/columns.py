"""Columns by their many names: which one holds the image, the opinion, its spread, each rater's vote."""

from __future__ import annotations

import re
from pathlib import Path

from iqabench.datasets.tables import Table, as_number, folded
from iqabench.images import SUFFIXES

IMAGE = [
    "img_name",
    "image_name",
    "image",
    "img",
    "dist_name",
    "dist_img",
    "distorted_image",
    "dis_img_path",
    "img_path",
    "image_path",
    "filename",
    "file_name",
    "file",
    "path",
    "name",
    "picture",
    "photo",
]
REFERENCE = ["ref_name", "ref_img", "reference", "ref_img_path", "ref_image", "reference_image", "ref"]
MOS = [
    "mos",
    "mos_zscore",
    "zmos",
    "mean_opinion_score",
    "score",
    "mean",
    "avg",
    "average",
    "rating",
    "gt_score",
    "quality",
    "vote",
    "opinion",
]
DMOS = ["dmos", "dmos_new"]
STD = ["std", "mos_std", "sd", "dmos_std", "mos_sd", "stdev", "standard_deviation"]
SPLIT = ["official_split", "split", "set"]
SOURCE = ["source", "content", "source_image", "original", "scene"]
TASK = ["task", "type", "enhancement_type", "degradation", "category", "kind"]
ENHANCER = ["enhancer", "method", "model", "algorithm", "enhancement_method"]

_RATER = re.compile(r"(annotator|rater|observer|subject|user|annot|score|vote|rating|mos|obs|a|r|s|p|u|o)?(\d{1,3})")


def image_column(table: Table) -> str | None:
    """The column of image names; in a table without header the first whose first cell ends as images do."""
    if table.headed:
        return table.find(*IMAGE)
    cells = table.rows[0].cells if table.rows else {}
    return next((column for column in table.columns if Path(cells.get(column, "")).suffix.lower() in SUFFIXES), None)


def mos_column(table: Table, *more: str) -> str | None:
    """The column of opinion scores; in a table without header the first that holds a number."""
    if table.headed:
        return table.find(*MOS, *more)
    cells = table.rows[0].cells if table.rows else {}
    return next((column for column in table.columns if as_number(cells.get(column, "").strip()) is not None), None)


def rater_columns(table: Table) -> list[str]:
    """Columns that hold one rater's votes each (annotator1, A2, score 3, or bare numbers); at least two, or none."""
    if not table.headed:
        return []
    matches = {column: found for column in table.columns if (found := _RATER.fullmatch(folded(column)))}
    prefixes = [found[1] or "" for found in matches.values()]
    if not prefixes:
        return []
    commonest = max(prefixes, key=prefixes.count)
    columns = [column for column, found in matches.items() if (found[1] or "") == commonest]
    return columns if len(columns) > 1 else []


def is_rater(name: str) -> bool:
    """Whether a file or sheet is called after one rater: annotator1, r3."""
    return _RATER.fullmatch(name) is not None
