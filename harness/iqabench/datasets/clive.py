"""LIVE In the Wild Challenge: 1,162 phone photos (Ghadiyaram and Bovik, TIP 2016)."""

from __future__ import annotations

import re
from pathlib import Path

from iqabench.datasets.items import Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.matlab import read_numbers, read_texts
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError
from iqabench.text import printable

_TRAINING = re.compile(r"t[1-7]\.\w+", re.IGNORECASE)


def load(path: Path, *, training: bool) -> list[Item]:
    """``training`` keeps the 7 images that raters were trained on, t1 to t7. Facts: std."""
    layout = Layout(path)
    names_file, mos_file, std_file = (
        layout.need(f"Data/{name}_release.mat") for name in ("AllImages", "AllMOS", "AllStdDev")
    )
    names = read_texts(names_file, "AllImages_release")
    mos = read_numbers(mos_file, "AllMOS_release")
    std = read_numbers(std_file, "AllStdDev_release")
    for file, found in ((mos_file, len(mos)), (std_file, len(std))):
        if found != len(names):
            raise DatasetError(f"{file}: holds {found} scores for {len(names)} images.")
    items = []
    for number, (name, score, spread) in enumerate(zip(names, mos, std, strict=True), 1):
        if _TRAINING.fullmatch(name) and not training:
            continue
        row = Row(mos_file, f"entry {number}", {"MOS": str(score)})
        items.append(
            Item(
                name=printable(name),
                image=layout.image(name, row, ["Images", "Images/trainingImages"]),
                source=printable(name),
                mos=row.number("MOS"),
                facts={"std": spread},
            )
        )
    return items
