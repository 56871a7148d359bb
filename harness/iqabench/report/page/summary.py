"""What the page says first, in sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from iqabench.report.conclusion_sheets import CEILING, title, value_text
from iqabench.report.conclusions import Conclusions
from iqabench.report.groups import ALL
from iqabench.report.page.wide import Wide
from iqabench.report.sheet import Sheet
from iqabench.text import amount

_FEW_RATERS = 15
_MOST_NAMED = 8


def numbers(table: Wide) -> list[tuple[str, str]]:
    """The size of the run, as (what, how many)."""
    images = table.images
    planned, done = int(table.planned.sum()), int((table.planned & (table.scores == table.scores)).sum())
    judged = int((table.mos == table.mos).sum())
    found = [
        ("source photos", f"{len(set(table.contents().tolist())):,}"),
        ("images", f"{table.n:,}"),
        ("degraders", str(len(set(images["degrader"]) - {""}))),
        ("enhancers", str(len(set(images["enhancer"]) - {""}))),
        ("scorers", str(len(table.scorers))),
        ("scores", f"{done:,} of {planned:,}"),
    ]
    return [*found, ("images judged by people", f"{judged:,}")] if judged else found


def conclusions(found: Conclusions) -> Iterator[str]:
    """Who is closest to people, on all images and type by type, and what that is worth."""
    table = found.table[(found.table["mapping"] == "none") & (found.table["metric"] == "srcc")]
    if table.empty:
        table = found.table[(found.table["mapping"] == "none")]
        table = table[table["metric"] == table["metric"].iloc[0]] if len(table) else table
    wanted = [group.label for group in found.groups if group.by in (ALL, "type")][::-1]
    for label in wanted:
        rows = table[(table["group"] == label) & table["value"].notna()].sort_values("rank").to_dict("records")
        if rows:
            yield _best(rows, label)
    backwards = table[(table["group"] == ALL) & (table["value"] < 0) & ~(table["high"] >= 0)]["scorer"].tolist()
    if backwards:
        yield f"Against people on all images (the whole interval is below 0): {_some(backwards)}."
    ceiling = found.ceilings.get(ALL)
    if ceiling is not None and ceiling.estimate.exists:
        yield f"The {CEILING} on all images is a PLCC of {ceiling.estimate.value:.3f}."
    if found.rated.spread is not None:
        raters = found.rated.spread.raters
        fewest = float(raters[raters > 0].min()) if (raters > 0).any() else math.nan
        if fewest < _FEW_RATERS:
            votes = amount(round(fewest), "vote")
            yield f"An image has as few as {votes}: ITU-R BT.500 asks for 15 observers, ITU-T P.910 for 24."


def _best(rows: list[dict[Any, Any]], label: str) -> str:
    first = rows[0]
    metric = str(first["metric"])
    spread = ""
    if not math.isnan(first["low"]):
        spread = f" [{value_text(metric, first['low'])}, {value_text(metric, first['high'])}]"
    where = "all images" if label == ALL else label
    text = (
        f"Closest to people on {where}, by {title(metric, 'none', raw_too=False)}: {first['scorer']} "
        f"{value_text(metric, first['value'])}{spread}, n={int(first['n'])} of {int(first['N'])}"
    )
    letters = set(first["letters"])
    if not letters:
        return text + "; whether the others differ is not decided."
    alike = [row["scorer"] for row in rows[1:] if letters & set(row["letters"])]
    if not alike:
        return text + (", significantly more than any other." if len(rows) > 1 else ".")
    return f"{text}. Not told apart from it: {_some(alike)}."


def enhancers(matrix: Sheet) -> Iterator[str]:
    """Which enhancer most scorers put first, section by section."""
    firsts: dict[str, Counter[str]] = {}
    for row in matrix.rows:
        for entry in row.entries:
            if entry.mark == "best":
                firsts.setdefault(row.labels[0], Counter())[row.labels[1]] += 1
    for section, counted in firsts.items():
        (name, count), total = counted.most_common(1)[0], counted.total()
        where = (
            "" if section == "(original)" else f" {'after' if matrix.headings[0] == 'degrader' else 'for'} {section}"
        )
        yield f"First by mean score{where}: {name}, for {count} of {amount(total, 'scorer')}."


def cautions(table: Wide, models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    failed = int((table.planned & (table.scores != table.scores)).sum())
    if failed:
        planned = int(table.planned.sum())
        lost = f"{failed:,} of {planned:,} score{'' if planned == 1 else 's'} {'is' if failed == 1 else 'are'} missing"
        yield f"{lost}; the section Failures says why."
    missing = [label for label, facts in models.items() if "missing" in facts.get("weights", {})]
    if missing:
        yield f"Without weights on this machine: {_some(missing)}."


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
