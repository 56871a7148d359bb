"""Tables in a terminal: the matrices (degraders and enhancers down, scorers across), and sheets of any kind."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from iqabench.report.sheet import Entry, Row, Sheet
from iqabench.report.table import matrix
from iqabench.text import amount, printable

_CELL_WIDTH, _LABEL_WIDTH = 17, 34


def matrices(table: pd.DataFrame, models: Mapping[str, Mapping[str, Any]], *, value: str, width: int) -> RenderableType:
    """Tables of one value of the long table, as many side by side as ``width`` characters hold.

    ``models`` are the manifest's facts by label. Every cell says how many of the planned scores it rests on; the
    best enhancer of each degrader, in the scorer's own direction, is bold.
    """
    scorers = list(dict.fromkeys(table["scorer"]))
    scorers.sort(key=lambda label: not models[label].get("reference", False))
    numbers, counts, planned = (matrix(table, name) for name in (value, "n", "planned"))
    per_table = max(1, (width - _LABEL_WIDTH) // _CELL_WIDTH)
    return Group(
        *(
            _table(scorers[start : start + per_table], models, numbers, counts, planned, value)
            for start in range(0, len(scorers), per_table)
        )
    )


def _table(
    scorers: Sequence[str],
    models: Mapping[str, Mapping[str, Any]],
    numbers: pd.DataFrame,
    counts: pd.DataFrame,
    planned: pd.DataFrame,
    value: str,
) -> Table:
    table = Table(title=f"{value} score, n/N of the planned", title_justify="left", header_style="bold")
    table.add_column("degrader")
    table.add_column("enhancer")
    for scorer in scorers:
        table.add_column(f"{scorer} {'↑' if models[scorer]['higher_is_better'] else '↓'}", justify="right")
    groups = list(dict.fromkeys(degrader for degrader, _ in numbers.index))
    for group in groups:
        block = numbers.loc[[key for key in numbers.index if key[0] == group and planned.loc[key, scorers].any()]]
        if block.empty:
            continue
        best = {scorer: _best(block[scorer], bool(models[scorer]["higher_is_better"])) for scorer in scorers}
        for position, key in enumerate(block.index):
            cells = (
                _cell(
                    *(_number(frame, key, scorer) for frame in (block, counts, planned)),
                    marked=best[scorer] == key and value != "std",
                )
                for scorer in scorers
            )
            label = group or "(original)"
            table.add_row(label if position == 0 else "", key[1] or Text("(none)", style="dim"), *cells)
        table.add_section()
    return table


def _best(column: pd.Series, higher_is_better: bool) -> tuple[str, str] | None:
    """The row with the best number among the enhanced, where there are two or more to choose from."""
    enhanced = column[[bool(enhancer) for _, enhancer in column.index]].dropna()
    if len(enhanced) < 2:
        return None
    return cast(tuple[str, str], enhanced.idxmax() if higher_is_better else enhanced.idxmin())


def _number(frame: pd.DataFrame, row: tuple[str, str], column: str) -> float:
    return cast(float, frame.at[row, column])


def _cell(number: float, count: float, planned: float, *, marked: bool) -> Text:
    if math.isnan(planned):
        return Text("·", style="dim")
    n, of = int(0 if math.isnan(count) else count), int(planned)
    text = Text("-" if math.isnan(number) else format_number(number), style="bold green" if marked else "")
    return text.append(f" {n}/{of}", style="dim" if n == of else "bold red")


def format_number(number: float) -> str:
    """Four digits that count, never more than four behind the point."""
    if abs(number) >= 1000:
        return f"{number:.0f}"
    return f"{number:.{3 - min(2, max(0, len(str(int(abs(number)))) - 1))}f}" if abs(number) >= 1 else f"{number:.4f}"


def sheets(several: Sequence[Sheet], *, width: int) -> RenderableType:
    """Each sheet as a table, or as several one below the other where it is wider than ``width`` characters."""
    return Group(*(part for sheet in several for part in _sheet(sheet, width)))


def _sheet(sheet: Sheet, width: int) -> Iterator[RenderableType]:
    label_width = sum(
        max(len(text) for text in (sheet.headings[at], *(row.labels[at] for row in sheet.rows))) + 3
        for at in range(sheet.labels)
    )
    start, across = 0, len(sheet.headings) - sheet.labels
    while start < across or not start:
        end, room = start, width - label_width - 1
        while end < across and (end == start or room >= _width(sheet, end)):
            room -= _width(sheet, end)
            end += 1
        if sheet.title:  # not the table's own title, which would be broken to the table's width
            yield Text(printable(sheet.title), style="italic")
        yield _part(sheet, range(start, end))
        start = end or 1
    for note in sheet.notes:
        yield Text(printable(note), style="dim")
    yield Text("")


def _width(sheet: Sheet, column: int) -> int:
    entries = [row.entries[column] for row in sheet.rows]
    texts = [f"{entry.text} {entry.aside}".strip() for entry in entries] + [entry.below for entry in entries]
    return max(map(len, (*texts, sheet.headings[sheet.labels + column]))) + 3


def _part(sheet: Sheet, columns: range) -> Table:
    table = Table(header_style="bold")
    for heading in sheet.headings[: sheet.labels]:
        table.add_column(Text(printable(heading)), no_wrap=True)
    for column in columns:
        table.add_column(Text(printable(sheet.headings[sheet.labels + column])), justify="right", no_wrap=True)
    for at, row in enumerate(sheet.rows):
        if row.section and at:
            table.add_section()
        table.add_row(*_texts(row, columns))
    return table


def _texts(row: Row, columns: range) -> list[Text]:
    labels = [Text(printable(label)) for label in row.labels]
    return [*labels, *(_entry(row.entries[column]) for column in columns)]


def _entry(entry: Entry) -> Text:
    text = Text(printable(entry.text), style={"best": "bold green", "group": "underline"}.get(entry.mark, ""))
    if entry.aside:
        text.append(f" {printable(entry.aside)}", style="not bold not underline default")
    if entry.below:
        text.append(f"\n{printable(entry.below)}", style="not bold not underline " + ("red" if entry.alarm else "dim"))
    return text


def reasons(failed: pd.DataFrame, *, most: int = 12) -> Iterator[Text]:
    """One line for each reason of failure, the commonest first, with the number of scores it cost."""
    counted = failed["reason"].value_counts()
    for reason, count in counted.head(most).items():
        yield Text(f"{count:5d} × {reason}", style="red")
    if len(counted) > most:
        yield Text(f"      and {amount(len(counted) - most, 'other reason')}: see scores.csv", style="red")
