"""CSIQ: 30 pristine photos under 6 distortions at 3 to 5 levels (Larson and Chandler, JEI 2010)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.datasets.tables import Row, Table, folded
from iqabench.text import printable

_KINDS = {
    "awgn": ("awgn", "AWGN"),
    "noise": ("awgn", "AWGN"),
    "jpeg": ("jpeg", "JPEG"),
    "jpeg2000": ("jpeg2000", "jpeg2000"),
    "fnoise": ("fnoise", "fnoise"),
    "blur": ("blur", "BLUR"),
    "contrast": ("contrast", "contrast"),
}
"""How label files call a distortion -> its folder, and what stands for it in file names."""
_NAME = re.compile(r"(?P<source>.+)\.(?P<type>\w+)\.(?P<level>\d)\.png", re.IGNORECASE)


def load(path: Path) -> list[Item]:
    """DMOS from 0 to 1, lower is better, from ``csiq.DMOS.csv``, ``csiq.beta.xlsx`` or ``csiq_label.txt``.

    Facts: distortion, level, std.
    """
    layout = Layout(path)
    file = layout.need("csiq.DMOS.csv", "csiq.beta.xlsx", "csiq_label.txt")
    table = read_table(file, header=("image", "dst_type", "dst_lev", "dmos") if file.suffix == ".xlsx" else ())
    items = []
    for source, kind, level, dmos, std, row in _labels(table):
        if folded(kind) not in _KINDS:
            raise row.error(f"{kind!r} is no distortion of CSIQ", hint=f"It has {', '.join(_KINDS)}.")
        folder, token = _KINDS[folded(kind)]
        name = f"{source}.{token}.{level}.png"
        facts: dict[str, Fact] = {"distortion": folder, "level": float(level)}
        if std is not None:
            facts["std"] = std
        items.append(
            Item(
                name=printable(f"{folder}/{name}"),
                image=layout.image(name, row, [f"dst_imgs/{folder}", folder]),
                reference=layout.image(f"{source}.png", row, ["src_imgs", ""]),
                source=printable(source.lower()),
                mos=dmos,
                facts=facts,
            )
        )
    return items


def _labels(table: Table) -> Iterator[tuple[str, str, int, float, float | None, Row]]:
    if not table.headed:
        for name, row in table.by("1").items():
            parsed = _NAME.fullmatch(name)
            if parsed is None:
                raise row.error(f"{name!r} is not named like 1600.AWGN.1.png")
            yield parsed["source"], parsed["type"], int(parsed["level"]), row.number("2"), None, row
        return
    image, kind, level, dmos = (table.need(name) for name in ("image", "dst_type", "dst_lev", "dmos"))
    std = table.find("dmos_std")
    for row in table:
        if not any(row.cells.get(column, "").strip() for column in (image, kind, level, dmos)):
            continue  # the workbook is padded with rows that hold its other tables
        yield (
            row.text(image),
            row.text(kind),
            int(row.number(level)),
            row.number(dmos),
            row.optional(std) if std else None,
            row,
        )
