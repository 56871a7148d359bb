"""Tables as text for other programs: CSV, JSON, Markdown, LaTeX, HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

import pandas as pd

from iqabench.errors import UsageError
from iqabench.report.sheet import Entry, Row, Sheet

FORMATS = ("csv", "md", "latex", "json", "html")


def export(numbers: pd.DataFrame, form: str) -> str:
    """``numbers`` (degrader and enhancer down, scorers across) in full precision as csv or json, rounded as md,
    latex or html. Raises UsageError for another form."""
    flat = numbers.reset_index()
    if form in ("csv", "json"):
        return export_rows(flat, form)
    rows = tuple(
        Row(
            labels=tuple(str(value) or "-" for value in row[:2]),
            entries=tuple(Entry(text=_text(value)) for value in row[2:]),
        )
        for row in flat.itertuples(index=False, name=None)
    )
    return export_sheets([Sheet(title="", headings=tuple(map(str, flat.columns)), rows=rows)], form)


def export_rows(table: pd.DataFrame, form: str) -> str:
    """A frame in full precision, as csv or json."""
    if form == "csv":
        return str(table.to_csv(index=False))
    if form == "json":
        # pandas gives 10 digits unless asked for more, and at most 15.
        return str(table.to_json(orient="records", indent=1, double_precision=15)) + "\n"
    raise _unknown(form)


def export_sheets(sheets: Sequence[Sheet], form: str) -> str:
    """Sheets as md, latex or html (one page that needs nothing else). Raises UsageError for another form."""
    if form == "html":
        return _PAGE.format(body="\n".join(map(_html, sheets)))
    if form not in _WRITERS:
        raise _unknown(form)
    return "\n".join(map(_WRITERS[form], sheets))


def _unknown(form: str) -> UsageError:
    return UsageError(f"{form!r} is not a format.", hint=f"Say {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")


def _text(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4f}"
    return str(value) or "-"


def _markdown(sheet: Sheet) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |\n"

    def clean(text: str) -> str:
        return text.replace("|", r"\|").replace("\n", " ")

    def cell(entry: Entry) -> str:
        around = {"": "", "best": "**", "group": "_"}[entry.mark]
        return f"{around}{clean(entry.text)}{around}{clean(_rest(entry))}"

    title = f"**{clean(sheet.title)}**\n\n" if sheet.title else ""
    rule = line([*["---"] * sheet.labels, *["---:"] * (len(sheet.headings) - sheet.labels)])
    body = "".join(line([*map(clean, row.labels), *map(cell, row.entries)]) for row in sheet.rows)
    notes = "".join(f"\n{note}\n" for note in sheet.notes)
    return title + line(map(clean, sheet.headings)) + rule + body + notes


def _latex(sheet: Sheet) -> str:
    def line(cells: Iterable[str]) -> str:
        return "  " + " & ".join(cells) + r" \\" + "\n"

    def cell(entry: Entry) -> str:
        text, rest = _tex(entry.text), _tex(_rest(entry))
        return {"": text, "best": rf"\textbf{{{text}}}", "group": rf"\underline{{{text}}}"}[entry.mark] + rest

    across = len(sheet.headings) - sheet.labels
    title = f"% {sheet.title}\n" if sheet.title else ""
    head = rf"\begin{{tabular}}{{{'l' * sheet.labels}{'r' * across}}}" + "\n  \\toprule\n"
    body = "".join(
        ("  \\midrule\n" if row.section and at else "") + line([*map(_tex, row.labels), *map(cell, row.entries)])
        for at, row in enumerate(sheet.rows)
    )
    notes = "".join(f"% {note}\n" for note in sheet.notes)
    return f"{title}{head}{line(map(_tex, sheet.headings))}  \\midrule\n{body}  \\bottomrule\n\\end{{tabular}}\n{notes}"


def _tex(text: str) -> str:
    special = {char: f"\\{char}" for char in "&%$#_{}"} | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "†": r"$\dagger$",
    }
    return "".join(special.get(char, char) for char in text)


def _html(sheet: Sheet) -> str:
    def cell(entry: Entry) -> str:
        tag = {"": "{}", "best": "<strong>{}</strong>", "group": "<u>{}</u>"}[entry.mark].format(escape(entry.text))
        rest = _rest(entry)
        alarm = ' class="alarm"' if entry.alarm else ""
        return f"<td>{tag}{f'<small{alarm}>{escape(rest)}</small>' if rest else ''}</td>"

    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in sheet.headings)
    rows = "\n".join(
        ('<tr class="section">' if row.section and at else "<tr>")
        + "".join(f'<th scope="row">{escape(label)}</th>' for label in row.labels)
        + "".join(map(cell, row.entries))
        + "</tr>"
        for at, row in enumerate(sheet.rows)
    )
    caption = f"<caption>{escape(sheet.title)}</caption>" if sheet.title else ""
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in sheet.notes)
    return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{notes}"


def _rest(entry: Entry) -> str:
    rest = " ".join(filter(None, (entry.aside, entry.below)))
    return f" {rest}" if rest else ""


_WRITERS: dict[str, Callable[[Sheet], str]] = {"md": _markdown, "latex": _latex}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>iqabench</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem; }}
table {{ border-collapse: collapse; margin: 1.5rem 0 .5rem; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; font-weight: 600; padding-bottom: .4rem; }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }}
th[scope=row], thead th:first-child {{ text-align: left; font-weight: 500; }}
tr.section > * {{ border-top: 2px solid #777; }}
small {{ color: #595959; }}
small.alarm {{ color: #b00020; }}
</style>
{body}
</html>
"""
