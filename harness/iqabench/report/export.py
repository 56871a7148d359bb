"""A matrix as text for other programs: CSV, Markdown, LaTeX, JSON."""

from __future__ import annotations

import math

import pandas as pd

from iqabench.errors import UsageError


def export(numbers: pd.DataFrame, form: str) -> str:
    """``numbers`` (degrader and enhancer down, scorers across) in full precision as csv or json, rounded as md or
    latex. Raises UsageError for another form."""
    flat = numbers.reset_index()
    if form == "csv":
        return flat.to_csv(index=False)
    if form == "json":
        return flat.to_json(orient="records", indent=1) + "\n"
    if form == "md":
        return _markdown(flat)
    if form == "latex":
        return _latex(flat)
    raise UsageError(f"{form!r} is not a format.", hint="Say csv, json, md or latex.")


def _text_rows(flat: pd.DataFrame) -> list[list[str]]:
    return [[_text(value) for value in row] for row in flat.itertuples(index=False, name=None)]


def _text(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4f}"
    return str(value) or "-"


def _markdown(flat: pd.DataFrame) -> str:
    def line(cells: list[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"

    columns = [str(column) for column in flat.columns]
    rule = line(["---", "---", *["---:"] * (len(columns) - 2)])
    return line(columns) + rule + "".join(map(line, _text_rows(flat)))


def _latex(flat: pd.DataFrame) -> str:
    def line(cells: list[str]) -> str:
        return "  " + " & ".join(_escape(cell) for cell in cells) + r" \\" + "\n"

    columns = [str(column) for column in flat.columns]
    head = r"\begin{tabular}{ll" + "r" * (len(columns) - 2) + "}\n  \\toprule\n" + line(columns) + "  \\midrule\n"
    return head + "".join(map(line, _text_rows(flat))) + "  \\bottomrule\n\\end{tabular}\n"


def _escape(text: str) -> str:
    for char in "&%$#_{}":
        text = text.replace(char, f"\\{char}")
    return text
