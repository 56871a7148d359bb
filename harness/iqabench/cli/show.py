"""``iqabench show``: the matrices of an existing run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from iqabench.api import Result


@click.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--value", default="mean", show_default=True, help="mean, std, median, n or planned.")
@click.option("--format", "form", type=click.Choice(["rich", "csv", "md", "latex", "json"]), default="rich")
def command(run: Path, value: str, form: str) -> int:
    """Print the matrices of RUN, a folder that `iqabench run --out` made."""
    from rich.console import Console

    from iqabench.api import open_run

    result = open_run(run)
    if form == "rich":
        print_result(result, Console(), value=value)
    else:
        from iqabench.report.export import export

        click.echo(export(result.matrix(value), form), nl=False)
    return 0 if result.complete else 1


def print_result(result: Result, console: Console, *, value: str = "mean") -> None:
    """The matrices, what failed and why, and where the files are."""
    from rich.text import Text

    from iqabench.report.render import matrices, reasons

    scores = result.scores
    if len(scores):
        width = console.width if console.is_terminal else max(console.width, 160)
        console.width = width
        console.print(matrices(scores, result.manifest["models"], value=value, width=width))
    failed, pending = len(result.failed), int((scores["status"] == "pending").sum())
    if failed or result.images_failed or pending:
        console.print(Text(f"{failed} of {len(scores)} scores failed, {pending} are still to do:", style="bold red"))
        for line in reasons(result.failed):
            console.print(line, soft_wrap=True)
        for reason in dict.fromkeys(result.images_failed if not failed else ()):
            console.print(Text(f"        {reason}", style="red"), soft_wrap=True)
    for doubt in result.doubts:
        console.print(Text(f"The selection may lack models: {doubt}", style="red"), soft_wrap=True)
    console.print(f"Scores: {result.folder / 'scores.csv'}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"Images: {result.folder / 'images'}", highlight=False, markup=False, soft_wrap=True)
