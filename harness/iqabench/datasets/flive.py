"""FLIVE, or PaQ-2-PiQ: 39,810 photos and 119,430 patches of them (Ying et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from iqabench.datasets.items import Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.datasets.tables import Table
from iqabench.text import printable

_PATCH = "_patch_"


def load(path: Path, *, patches: bool) -> list[Item]:
    """MOS from 0 to 100. ``patches`` adds them; each has its photo's split and source.

    Facts: split (train, val or test, where ``labels640.csv`` and ``labels=640_padded.csv`` say so), kind (image or
    patch).
    """
    layout = Layout(path)
    split_of = _splits(layout)
    items = _items(read_table(layout.need("labels_image.csv")), layout, "image", split_of)
    if patches:
        items += _items(read_table(layout.need("labels_patch.csv")), layout, "patch", split_of)
    return items


def _items(table: Table, layout: Layout, kind: str, split_of: Callable[[str], str]) -> list[Item]:
    name, mos = table.need("name"), table.need("mos")
    items = []
    for key, row in table.by(name).items():
        source = _photo(key)
        split = split_of(source)
        items.append(
            Item(
                name=printable(key),
                image=layout.image(key, row, ["database", "", "images"]),
                source=printable(source),
                mos=row.number(mos),
                facts={"kind": kind, **({"split": split} if split else {})},
            )
        )
    return items


def _photo(name: str) -> str:
    """The photo's file name: patches lie in a folder of their own, so folders say nothing."""
    return name.replace("\\", "/").rpartition("/")[2].partition(_PATCH)[0]


def _splits(layout: Layout) -> Callable[[str], str]:
    """A photo's split; the empty text where the release's lists are not there."""
    test_file, rest_file = layout.find("labels640.csv"), layout.find("labels=640_padded.csv")
    if test_file is None or rest_file is None:
        return lambda _: ""
    test, rest = read_table(test_file), read_table(rest_file)
    name, mark = rest.need("name_image", "name"), rest.need("is_valid")
    held_out = {_photo(row.text(name)) for row in rest if row.text(mark).lower() in ("true", "1")}
    tested = {_photo(row.text(test.need("name_image", "name"))) for row in test}
    return lambda photo: "test" if photo in tested else "val" if photo in held_out else "train"
