"""A table of one's own: any file of labels whose columns are known by name, or named by options."""

from __future__ import annotations

from pathlib import Path

from iqabench.datasets import columns
from iqabench.datasets.items import Fact, Item
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import read_table
from iqabench.datasets.tables import Row, Table, as_number
from iqabench.errors import DatasetError
from iqabench.text import printable


def load(
    path: Path,
    *,
    image: str,
    reference: str,
    mos: str,
    std: str,
    split_column: str,
    source: str,
    folder: str,
    sheet: str,
    direction: str,
    range: str,  # noqa: A002, ARG001 - the option's name; the declaration reads it
) -> list[Item]:
    """A CSV, text, JSON or xlsx file, pyiqa's meta files among them. Every option but the last four names a column.

    ``folder`` holds the images (default: the folder of the file; a relative one is taken from there). ``direction``
    (higher or lower) must be given where the column is called DMOS. All other columns become facts.
    """
    if path.is_dir():
        raise DatasetError(f"{path} is a folder.", hint="Give the file of labels: csv:FILE.")
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file.")
    table = _table(path, sheet)
    image_column = _column(table, image, columns.image_column(table), "the image's name", columns.IMAGE)
    mos_column = _column(table, mos, columns.mos_column(table, *columns.DMOS), "the opinion score", columns.MOS)
    if not direction and mos_column == table.find(*columns.DMOS):
        raise DatasetError(
            f"{path}: whether a higher {mos_column} is better is not known.",
            hint=f"Say csv:{path.name}[direction=lower], or direction=higher.",
        )
    reference_column = table.need(reference) if reference else table.find(*columns.REFERENCE)
    named: dict[str, str] = {}
    for fact, wanted, synonyms in (("std", std, columns.STD), ("split", split_column, columns.SPLIT)):
        if column := (table.need(wanted) if wanted else table.find(*synonyms)):
            named[column] = fact
    source_column = table.need(source) if source else table.find(*columns.SOURCE)
    used = {image_column, mos_column, reference_column}
    layout = Layout(path.parent / Path(folder).expanduser())
    items = []
    for key, row in table.by(image_column).items():
        pristine = row.text(reference_column) if reference_column else ""
        items.append(
            Item(
                name=printable(key.replace("\\", "/")),
                image=layout.image(key, row),
                reference=layout.image(pristine, row) if pristine else None,
                source=printable((row.text(source_column) if source_column else "") or pristine or key),
                mos=row.number(mos_column),
                facts=_facts(
                    row, {column: named.get(column, column) for column in table.columns if column not in used}
                ),
            )
        )
    return items


def _table(path: Path, sheet: str) -> Table:
    if not sheet:
        return read_table(path)
    from iqabench.datasets.readers import read_tables

    tables = {table.sheet: table for table in read_tables(path)}
    if sheet not in tables:
        raise DatasetError(f"{path}: has no sheet {sheet!r}.", hint=f"It has: {', '.join(tables)}.")
    return tables[sheet]


def _column(table: Table, given: str, found: str | None, what: str, synonyms: list[str]) -> str:
    if given:
        return table.need(given)
    if found is None:
        has = ", ".join(table.columns[:20])
        hint = f"It has: {has}. Name it: [image=COLUMN,mos=COLUMN], or call it {synonyms[0]}."
        raise DatasetError(printable(f"{table.file}: has no column for {what}."), hint=printable(hint))
    return found


def _facts(row: Row, names: dict[str, str]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for column, name in names.items():
        text = row.cells.get(column, "").strip()
        number = as_number(text)
        if text:
            facts[name] = number if number is not None and name != "split" else printable(text)
    return facts
