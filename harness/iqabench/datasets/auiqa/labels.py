"""The label tables of a copy of AU-IQA, one label a row or a cell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iqabench.datasets import columns
from iqabench.datasets.auiqa.mapping import Rules
from iqabench.datasets.auiqa.names import Cell
from iqabench.datasets.layout import Layout
from iqabench.datasets.readers import TABLE_SUFFIXES, read_tables
from iqabench.datasets.tables import Row, Table, folded
from iqabench.errors import DatasetError

_PROSE = ("readme", "license", "licence", "citation", "requirements")


@dataclass(frozen=True, slots=True)
class Label:
    """What a row says of one image: its name as written, the cell that its surroundings tell, and the opinions.

    ``part`` tells apart the labels of one row or sheet that are of different images.
    """

    image: str
    cell: Cell
    row: Row
    mos: float | None = None
    votes: tuple[float | None, ...] = ()
    part: str = ""


def read_labels(folder: Path, rules: Rules) -> Iterator[Label]:
    """The labels in every table below ``folder`` that has columns for images and scores. Raises DatasetError."""
    for file in _files(folder, rules):
        try:
            tables = read_tables(file)
        except DatasetError:
            if file.suffix.lower() == ".txt" and not rules.labels:
                continue  # prose, most likely
            raise
        for table in tables:
            yield from _labels(table, folder, rules)


def _files(folder: Path, rules: Rules) -> list[Path]:
    layout = Layout(folder)
    if rules.labels:
        return [layout.need(name) for name in rules.labels]
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent, name)
            for name in sorted(files)
            if os.path.splitext(name)[1].lower() in TABLE_SUFFIXES
            and not name.startswith((".", "~$"))
            and not name.lower().startswith(_PROSE)
        ]
    return found


def _labels(table: Table, folder: Path, rules: Rules) -> Iterator[Label]:
    image = table.need(rules.columns["image"]) if "image" in rules.columns else columns.image_column(table)
    if image is None:
        return
    raters = [table.need(name) for name in rules.raters] or columns.rater_columns(table)
    mos = table.need(rules.columns["mos"]) if "mos" in rules.columns else columns.mos_column(table)
    if mos in raters:
        mos = None
    task = table.need(rules.columns["task"]) if "task" in rules.columns else table.find(*columns.TASK)
    enhancer = table.need(rules.columns["enhancer"]) if "enhancer" in rules.columns else table.find(*columns.ENHANCER)
    around = rules.names.cell(table.sheet).over(rules.names.cell(table.file.relative_to(folder).as_posix()))
    wide = {} if mos or raters else _wide(table, rules, {image, task, enhancer})
    called = (folded(table.sheet), folded(table.file.stem))
    one_rater = mos is not None and not raters and any(map(columns.is_rater, called))
    for row in table:
        name = row.text(image)
        cell = rules.names.cell(name).over(_said(row, task, enhancer, rules)).over(around)
        if wide:
            for column, said in wide.items():
                if (value := row.optional(column)) is not None:
                    yield Label(name, said.over(cell), row, value, part=f"{table.sheet}/{column}")
        elif mos or raters:
            votes = tuple(row.optional(column) for column in raters)
            value = row.optional(mos) if mos else None
            if one_rater:
                value, votes = None, (value,)
            if value is None and all(vote is None for vote in votes):
                raise row.error(f"{name!r} has no MOS and no votes")
            yield Label(name, cell, row, value, votes, table.sheet)


def _wide(table: Table, rules: Rules, taken: set[str | None]) -> dict[str, Cell]:
    """Columns that are named after enhancers: a row is then a source photo."""
    cells = {column: rules.names.cell(column) for column in table.columns if column not in taken}
    named = {column: cell for column, cell in cells.items() if cell.enhancer}
    return named if len(named) > 1 else {}


def _said(row: Row, task: str | None, enhancer: str | None, rules: Rules) -> Cell:
    by_task = rules.names.cell(row.cells.get(task, "")) if task else Cell()
    by_enhancer = rules.names.cell(row.cells.get(enhancer, "")) if enhancer else Cell()
    return Cell(by_task.task, by_enhancer.enhancer).over(by_enhancer).over(by_task)
