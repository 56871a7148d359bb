"""What the commands that print figures share: their options, and printing in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd

    from iqabench.report.conclusions import Conclusions
    from iqabench.report.sheet import Sheet

Command = TypeVar("Command", bound=Callable[..., Any])

_TESTS = ["bootstrap", "steiger", "williams", "meng", "morgan-pitman", "f"]
FORMATS = ["rich", "csv", "md", "latex", "json", "html"]


def figure_options(*, default_metrics: str, pairs: bool = True) -> Callable[[Command], Command]:
    """The options that say which figures are wanted and how sure of them one wants to be."""
    shown = f" [default: {default_metrics}]" if default_metrics else ""
    options = [
        click.option(
            "--metric",
            multiple=True,
            metavar="METRICS",
            help="plcc, srcc, krcc, within (inside each source photo), rmse, mae; with --raters rmse-star, outliers, "
            f"auc-ds, auc-bw, c0. Repeatable.{shown}",
        ),
        click.option(
            "--mapping",
            multiple=True,
            metavar="MAPPINGS",
            help="PLCC and errors also after logistic4, logistic5, cubic or linear. Repeatable.",
        ),
        click.option("--resamples", default=2000, show_default=True, help="Of the bootstrap; 0 for no intervals."),
        click.option("--seed", default=0, show_default=True, help="Of the resamples and of random draws."),
        click.option("--level", default=0.95, show_default=True, help="Of intervals and tests."),
    ]
    if pairs:
        said = "Also every two scorers: is their difference significant, by which test."
        options.append(click.option("--pairs", type=click.Choice(_TESTS), help=said))

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def terms(texts: Iterable[str]) -> list[str]:
    """``("plcc,srcc", "krcc")`` as ``["plcc", "srcc", "krcc"]``."""
    return [term.strip() for text in texts for term in text.split(",") if term.strip()]


def print_conclusions(
    found: Conclusions,
    form: str,
    pairs: str | None,
    *,
    sheets: Sequence[Sheet] = (),
    table: pd.DataFrame | None = None,
) -> None:
    """The conclusions, or ``sheets`` and ``table`` made of them; as csv or json the pairs instead where asked for."""
    from iqabench.report.conclusion_sheets import conclusion_sheets
    from iqabench.report.pairwise import TESTS, pairwise, pairwise_sheets

    compared = next((pairwise(found, test) for test in TESTS if test == pairs), None)
    if form in ("csv", "json"):
        chosen = found.table if table is None else table
        print_rows(chosen if compared is None else compared, form)
        return
    more = [] if compared is None else pairwise_sheets(compared, found.level)
    print_sheets([*(sheets or conclusion_sheets(found)), *more], form)


def print_rows(table: pd.DataFrame, form: str) -> None:
    from iqabench.report.export import export_rows

    click.echo(export_rows(table, form), nl=False)


def print_sheets(several: Sequence[Sheet], form: str) -> None:
    """Sheets in the terminal, or as md, latex or html."""
    if form != "rich":
        from iqabench.report.export import export_sheets

        click.echo(export_sheets(several, form), nl=False)
        return
    from rich.console import Console

    from iqabench.report.render import sheets

    console = Console()
    console.width = console.width if console.is_terminal else max(console.width, 160)
    console.print(sheets(several, width=console.width))
