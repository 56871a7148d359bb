"""PIQ23: 5,116 portraits of 50 scenes by more than 100 phones, rated in pairs (Chahine et al., CVPR 2023)."""

from __future__ import annotations

from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout, inside
from iqabench.datasets.readers import read_table
from iqabench.text import printable


def load(path: Path, *, attribute: str) -> list[Item]:
    """``attribute`` is what experts compared: Overall, Details or Exposure. JODs are comparable within a scene only.

    Facts: scene, condition, std, and the official splits as device_split and scene_split where their files lie in
    ``Test split``.
    """
    layout = Layout(path)
    table = read_table(layout.need(f"Scores_{attribute}.csv", f"Scores/Scores_{attribute}.csv"))
    place, jod, scene = table.need("IMAGE PATH"), table.need("JOD"), table.need("SCENE")
    image, condition, std = table.find("IMAGE"), table.find("CONDITION"), table.find("JOD STD")
    by_device = _split(layout, "Test split/Device Split.csv", "IMAGE")
    by_scene = _split(layout, "Test split/Scene Split.csv", "SCENE")
    items = []
    for key, row in table.by(place).items():
        name = inside(key, row)
        facts: dict[str, Fact] = {"scene": row.text(scene)}
        if condition:
            facts["condition"] = row.text(condition)
        if std:
            facts["std"] = row.number(std)
        file_name = row.text(image) if image else name.rpartition("/")[2]
        if split := by_device.get(file_name):
            facts["device_split"] = split
        if split := by_scene.get(row.text(scene)):
            facts["scene_split"] = split
        items.append(
            Item(
                name=printable(name),
                image=layout.image(name, row),
                source=row.text(scene),
                mos=row.number(jod),
                facts=facts,
            )
        )
    return items


def _split(layout: Layout, name: str, key: str) -> dict[str, str]:
    file = layout.find(name)
    if file is None:
        return {}
    table = read_table(file, header=(key, "SPLIT"))
    column = table.need("SPLIT")
    return {found: row.text(column).lower() for found, row in table.by(table.need(key)).items()}
