"""KADID-10k: 81 pristine photos under 25 distortions at 5 levels (Lin et al., QoMEX 2019)."""

from __future__ import annotations

import re
from pathlib import Path

from iqabench.datasets.distortions import KADID10K
from iqabench.datasets.items import Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.text import printable

_NAME = re.compile(r"(?P<source>I\d+)_(?P<type>\d\d)_(?P<level>\d\d)\.\w+", re.IGNORECASE)


def load(path: Path) -> list[Item]:
    """The column is called dmos, yet 5 is best: it rates the distorted image beside its pristine one.

    Facts: distortion (types 1 to 25 by name), level, std.
    """
    layout = Layout(path)
    table = read_table(layout.need("dmos.csv", "kadid10k/dmos.csv"))
    distorted, pristine, mos = table.need("dist_img"), table.need("ref_img"), table.need("dmos")
    variance = table.find("var")
    folders = ("images", "kadid10k/images")
    items = []
    for name, row in table.by(distorted).items():
        parsed = _NAME.fullmatch(name)
        if parsed is None or not 1 <= int(parsed["type"]) <= len(KADID10K):
            raise row.error(f"{name!r} is not named like I01_01_01.png")
        items.append(
            Item(
                name=printable(name),
                image=layout.image(name, row, folders),
                reference=layout.image(row.text(pristine), row, folders),
                source=parsed["source"].upper(),
                mos=row.number(mos),
                facts={
                    "distortion": KADID10K[int(parsed["type"]) - 1],
                    "level": float(parsed["level"]),
                    **({"std": max(row.number(variance), 0.0) ** 0.5} if variance else {}),
                },
            )
        )
    return items
