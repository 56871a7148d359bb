"""PIPAL: 200 pristine patches under 116 distortions, many of them by restoration networks (Gu et al., ECCV 2020)."""

from __future__ import annotations

import re
from pathlib import Path

from iqabench.datasets.items import Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.errors import DatasetError
from iqabench.text import printable

_NAME = re.compile(r"(?P<source>[A-Z]\d+)_(?P<type>\d\d)_(?P<level>\d\d)\.\w+", re.IGNORECASE)
_DISTORTED = {
    "train": ("Train_Dist", "Distortion_1", "Distortion_2", "Distortion_3", "Distortion_4", "Dist_Imgs"),
    "val": ("Val_Dist",),
}


def load(path: Path) -> list[Item]:
    """Elo scores of the training set, and of NTIRE 2021's validation set where it is there. The test set's scores
    were never released.

    Facts: split, distortion (the release's group number, 00 to 06), level (the number within the group).
    """
    layout = Layout(path)
    items = []
    for split, labels in (("train", layout.need("Train_Label", "Train_Labels")), ("val", layout.find("Val_Label"))):
        if labels is not None:
            items += [item for file in _label_files(labels) for item in _items(file, split, layout)]
    return items


def _label_files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".txt")
    if not files:
        raise DatasetError(f"{folder}: holds no .txt file.")
    return files


def _items(file: Path, split: str, layout: Layout) -> list[Item]:
    table = read_table(file)
    if table.headed or len(table.columns) != 2:
        raise DatasetError(f"{file}: is not a file name and a score a line.")
    items = []
    for name, row in table.by("1").items():
        parsed = _NAME.fullmatch(name)
        if parsed is None:
            raise row.error(f"{name!r} is not named like A0001_00_00.bmp")
        source = parsed["source"].upper()
        items.append(
            Item(
                name=printable(name),
                image=layout.image(name, row, _DISTORTED[split]),
                reference=layout.image(f"{source}.bmp", row, [f"{split.title()}_Ref"]),
                source=source,
                mos=row.number("2"),
                facts={"split": split, "distortion": parsed["type"], "level": float(parsed["level"])},
            )
        )
    return items
