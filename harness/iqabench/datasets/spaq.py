"""SPAQ: 11,125 photos by 66 smartphones (Fang et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.text import printable

_ATTRIBUTES = ("Brightness", "Colorfulness", "Contrast", "Noisiness", "Sharpness")


def load(path: Path) -> list[Item]:
    """MOS from 0 to 100. Facts: the five attribute scores, and the scene's categories joined by ``+``."""
    layout = Layout(path)
    table = read_table(layout.need(*_variants("MOS and Image attribute scores")), header=("Image name", "MOS"))
    name, mos = table.need("Image name"), table.need("MOS")
    attributes = [column for attribute in _ATTRIBUTES if (column := table.find(attribute))]
    scenes = _scenes(layout)
    items = []
    for key, row in table.by(name).items():
        facts: dict[str, Fact] = {column.lower(): row.number(column) for column in attributes}
        if key in scenes:
            facts["scene"] = scenes[key]
        items.append(
            Item(
                name=printable(key),
                image=layout.image(key, row, ["TestImage", "Dataset/TestImage", "SPAQ/TestImage"]),
                source=printable(key),
                mos=row.number(mos),
                facts=facts,
            )
        )
    return items


def _scenes(layout: Layout) -> dict[str, str]:
    file = layout.find(*_variants("Scene category labels"))
    if file is None:
        return {}
    table = read_table(file, header=("Image name",))
    name = table.need("Image name")
    categories = [column for column in table.columns if column != name]
    return {
        key: "+".join(category.lower() for category in categories if (row.optional(category) or 0) > 0)
        for key, row in table.by(name).items()
    }


def _variants(stem: str) -> Sequence[str]:
    return [f"{folder}{stem}{end}" for end in (".xlsx", ".csv") for folder in ("Annotations/", "", "SPAQ/Annotations/")]
