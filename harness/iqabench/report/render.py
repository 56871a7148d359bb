"""The matrices as rich tables: degraders and enhancers down, scorers across, the best of each group marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from iqabench.report.table import matrix

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


def reasons(failed: pd.DataFrame, *, most: int = 12) -> Iterator[Text]:
    """One line for each reason of failure, the commonest first, with the number of scores it cost."""
    counted = failed["reason"].value_counts()
    for reason, count in counted.head(most).items():
        yield Text(f"{count:5d} × {reason}", style="red")
    if len(counted) > most:
        yield Text(f"      and {len(counted) - most} other reasons: see scores.csv", style="red")
