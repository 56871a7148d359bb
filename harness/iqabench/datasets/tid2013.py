"""TID2013: 25 pristine photos under 24 distortions at 5 levels (Ponomarenko et al., SPIC 2015)."""

from __future__ import annotations

import re
from pathlib import Path

from iqabench.datasets.distortions import TID2013
from iqabench.datasets.items import Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError

_NAME = re.compile(r"(?P<source>[Ii]\d\d)_(?P<type>\d\d)_(?P<level>\d)\.\w+")


def load(path: Path) -> list[Item]:
    """``mos_with_names.txt`` has a score and a file name a line; case is mixed in it and in the folders.

    Facts: distortion (types 1 to 24 by name), level, std from ``mos_std.txt``.
    """
    layout = Layout(path)
    table = read_table(layout.need("mos_with_names.txt"))
    if table.headed or len(table.columns) != 2:
        raise DatasetError(f"{table.file}: is not a score and a file name a line.")
    spread = _spread(layout, len(table))
    items = []
    for position, (name, row) in enumerate(table.by("2").items()):
        parsed = _NAME.fullmatch(name)
        if parsed is None or not 1 <= int(parsed["type"]) <= len(TID2013):
            raise row.error(f"{name!r} is not named like i01_01_1.bmp")
        items.append(
            Item(
                name=name.lower(),
                image=layout.image(name, row, ["distorted_images"]),
                reference=layout.image(f"{parsed['source']}.bmp", row, ["reference_images"]),
                source=parsed["source"].upper(),
                mos=row.number("1"),
                facts={
                    "distortion": TID2013[int(parsed["type"]) - 1],
                    "level": float(parsed["level"]),
                    **({"std": spread[position].number("1")} if spread else {}),
                },
            )
        )
    return items


def _spread(layout: Layout, expected: int) -> list[Row]:
    file = layout.find("mos_std.txt")
    if file is None:
        return []
    rows = list(read_table(file))
    if len(rows) != expected:
        raise DatasetError(f"{file}: holds {len(rows)} lines for {expected} images.")
    return rows
