"""KonIQ-10k: 10,073 photos of everyday life (Hosu et al., TIP 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.datasets.tables import Row
from iqabench.text import printable

_SETS = "koniq10k_distributions_sets.csv"
_SCORES = "koniq10k_scores_and_distributions.csv"
_FACTS = {"split": ("set",), "std": ("SD",), "raters": ("c_total",)}
_VOTES = ("c1", "c2", "c3", "c4", "c5")


def load(path: Path, *, size: str) -> list[Item]:
    """MOS is the z-score based one, 0 to 100. ``size`` is the folder of images, 1024x768 or 512x384.

    Facts: split, std, raters, the share of each vote as ``vote1`` .. ``vote5``, and their mean as ``mos_1_5``.
    """
    layout = Layout(path)
    sets = layout.find(*_variants(_SETS))
    table = read_table(sets or layout.need(*_variants(_SCORES), *_variants(_SETS)))
    name, mos = table.need("image_name"), table.need("MOS_zscore", "MOS")
    if mos == table.find("MOS") and not table.find("set"):
        table.need("MOS_zscore")  # the MOS beside it is on another scale
    known = {fact: column for fact, names in _FACTS.items() if (column := table.find(*names))}
    votes = [column for vote in _VOTES if (column := table.find(vote))]
    return [
        Item(
            name=printable(key),
            image=layout.image(key, row, [size]),
            source=printable(key),
            mos=row.number(mos),
            facts=_facts(row, known, votes),
        )
        for key, row in table.by(name).items()
    ]


def _variants(file: str) -> Sequence[str]:
    folder = file.removesuffix(".csv")
    return file, f"{folder}/{file}", f"metadata/{file}", f"{file}.gz"


def _facts(row: Row, known: Mapping[str, str], votes: Sequence[str]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        fact: row.text(column) if fact == "split" else row.number(column) for fact, column in known.items()
    }
    counts = [row.number(vote) for vote in votes]
    total = sum(counts)
    if len(counts) == len(_VOTES) and total > 0:
        facts |= {f"vote{vote}": count / total for vote, count in enumerate(counts, 1)}
        facts["mos_1_5"] = sum(vote * count for vote, count in enumerate(counts, 1)) / total
    return facts
