"""AIGCIQA2023: 6 text-to-image generators, 100 prompts, 4 images of each (Wang et al., CICAI 2023)."""

from __future__ import annotations

from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.matlab import read_numbers
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError

GENERATORS, PER_PROMPT = 6, 4
_TARGETS = {"quality": 1, "authenticity": 2, "correspondence": 3}


def load(path: Path, *, target: str) -> list[Item]:
    """``target`` is what people judged: quality, authenticity or correspondence with the prompt.

    Images are numbered by generator, then prompt, then repetition; those of one prompt share a source.
    Facts: generator (1 to 6, in the release's order), prompt (1 to 100), std.
    """
    layout = Layout(path)
    file = layout.need(f"DATA/MOS/mosz{_TARGETS[target]}.mat")
    scores = read_numbers(file, "MOSz")
    if not scores or len(scores) % (GENERATORS * PER_PROMPT):
        raise DatasetError(f"{file}: holds {len(scores)} scores, which is not 6 generators with 4 images a prompt.")
    spread_file = layout.find(f"DATA/STD/SD{_TARGETS[target]}.mat")
    spread = read_numbers(spread_file, "SD") if spread_file else []
    if spread_file and len(spread) != len(scores):
        raise DatasetError(f"{spread_file}: holds {len(spread)} values for {len(scores)} images.")
    items = []
    for index, score in enumerate(scores):
        generator, within = divmod(index, len(scores) // GENERATORS)
        prompt = within // PER_PROMPT + 1
        row = Row(file, f"entry {index + 1}", {"MOSz": str(score)})
        facts: dict[str, Fact] = {"generator": str(generator + 1), "prompt": str(prompt)}
        if spread:
            facts["std"] = spread[index]
        items.append(
            Item(
                name=f"{index}.png",
                image=layout.image(f"{index}.png", row, ["Image/allimg", "allimg"]),
                source=f"prompt {prompt}",
                mos=row.number("MOSz"),
                facts=facts,
            )
        )
    return items
