"""AGIQA-3K: 2,982 images by 6 text-to-image generators (Li et al., TCSVT 2023)."""

from __future__ import annotations

from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.text import printable

_TARGETS = {"quality": ("mos_quality", "std_quality"), "alignment": ("mos_align", "std_align")}
_WORDS = ("prompt", "adj1", "adj2", "style")


def load(path: Path, *, target: str) -> list[Item]:
    """``target`` is what people judged: quality, or alignment with the prompt. Images of one prompt share a source.

    Facts: generator, variant (the settings it ran with), the prompt and its parts, std, the other target's MOS.
    """
    layout = Layout(path)
    table = read_table(layout.need("data.csv", "data.csv.gz", "AGIQA-3K/data.csv"))
    name, prompt = table.need("name"), table.need("prompt")
    mos, std = (table.need(column) for column in _TARGETS[target])
    others = [table.need(columns[0]) for key, columns in _TARGETS.items() if key != target]
    words = [column for word in _WORDS if (column := table.find(word))]
    items = []
    for key, row in table.by(name).items():
        generator, _, rest = key.partition("_")
        facts: dict[str, Fact] = {"generator": generator, "variant": rest.partition("_")[0]}
        facts |= {word: text for word in words if (text := row.cells.get(word, "").strip())}
        facts |= {other: row.number(other) for other in others}
        facts["std"] = row.number(std)
        items.append(
            Item(
                name=printable(key),
                image=layout.image(key, row, ["", "images", "image", "AGIQA-3K"]),
                source=printable(row.cells.get(prompt, "").strip() or key),
                mos=row.number(mos),
                facts=facts,
            )
        )
    return items
