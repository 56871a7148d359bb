"""``iqabench show``: the matrices of an existing run, and what follows from people's opinions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from iqabench.cli.figures import FORMATS, figure_options, print_conclusions, terms
from iqabench.errors import UsageError
from iqabench.text import amount

if TYPE_CHECKING:
    from rich.console import Console

    from iqabench.api import Result
    from iqabench.report.opinions import Rated
    from iqabench.report.sheet import Sheet


SUITES = ("au-iqa", "au-iqa-scorers")
"""The suites whose results are laid out as in a paper."""


@click.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--value", default="mean", show_default=True, help="Of the matrices: mean, std, median, n or planned.")
@click.option("--by", multiple=True, metavar="GROUPS", help="enhancer, type, dataset, degrader, subset, or a fact.")
@click.option("--layout", "--suite", type=click.Choice(SUITES), help="A paper's tables, its figures beside ours.")
@click.option("--mos", type=click.Path(path_type=Path), help="Opinions of this run's images: a CSV with image, mos.")
@click.option("--raters", default=0, metavar="N", help="How many people judged each image, for metrics that ask.")
@click.option("--random", default=0, metavar="N", help="Also on N images drawn by the seed.")
@figure_options(default_metrics="")
@click.option("--format", "form", type=click.Choice(FORMATS), default="rich")
def command(
    run: Path,
    value: str,
    by: tuple[str, ...],
    layout: str | None,
    mos: Path | None,
    raters: int,
    random: int,
    form: str,
    metric: tuple[str, ...],
    mapping: tuple[str, ...],
    resamples: int,
    seed: int,
    level: float,
    pairs: str | None,
) -> int:
    """Print the matrices of RUN, a folder that `iqabench run --out` made.

    With --metric, --by, --random or --layout: how well each scorer agrees with people's opinions, with intervals,
    ranks, and letters that two scorers share where they do not differ significantly.
    """
    from iqabench.api import open_run

    result = open_run(run)
    if not (metric or by or layout or random or pairs or mos):
        _matrices(result, value, form)
        return 0 if result.complete else 1
    if layout and (by or random or metric):
        raise UsageError("A layout has its own groups and metrics.", hint="Leave out --by, --random and --metric.")

    from iqabench.report import auiqa
    from iqabench.report.conclusions import conclude
    from iqabench.report.groups import groups

    images = rated_images(result, mos, raters)
    found = conclude(
        images,
        auiqa.layout(images, layout, seed=seed) if layout else groups(images, terms(by), random=random, seed=seed),
        metrics=terms(metric) or auiqa.METRICS,
        mappings=terms(mapping),
        resamples=resamples,
        seed=seed,
        level=level,
    )
    if layout:
        print_conclusions(found, form, pairs, sheets=auiqa.au_iqa_sheets(found), table=auiqa.beside_published(found))
    else:
        print_conclusions(found, form, pairs)
    return 0 if result.complete else 1


def rated_images(result: Result, mos: Path | None = None, raters: int = 0) -> Rated:
    from iqabench.report.judged import judged_datasets
    from iqabench.report.opinions import rated, with_opinions
    from iqabench.report.reading import read_csv

    if mos:
        table = with_opinions(result.scores, read_csv(mos), where=str(mos))
        return rated(table, result.manifest["models"], {}, raters=raters)
    judged = judged_datasets(result.manifest, result.folder)
    return rated(result.scores, result.manifest["models"], judged, raters=raters)


def _matrices(result: Result, value: str, form: str) -> None:
    if form == "rich":
        from rich.console import Console

        print_result(result, Console(), value=value, layout=False)
    else:
        from iqabench.report.export import export

        click.echo(export(result.matrix(value), form), nl=False)


def paper_sheets(
    result: Result, images: Rated | None = None, *, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> list[Sheet]:
    """The layout of the run's suite, where it has one and the images have opinions."""
    from iqabench.report import auiqa
    from iqabench.report.conclusions import conclude
    from iqabench.runner.manifest import STUDY
    from iqabench.runner.study import read_study

    study = result.folder / STUDY
    suite = read_study(study).suite if study.is_file() else ""
    if suite not in SUITES or not result.scores["mos"].notna().any():
        return []
    images = images or rated_images(result)
    found = conclude(
        images,
        auiqa.layout(images, suite, seed=seed),
        metrics=auiqa.METRICS,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    return auiqa.au_iqa_sheets(found)


def print_result(result: Result, console: Console, *, value: str = "mean", layout: bool = True) -> None:
    """The matrices, the tables of the paper whose suite was run (unless not ``layout``), what failed and why, and
    where the files are."""
    from rich.text import Text

    from iqabench.report.render import matrices, reasons, sheets

    scores = result.scores
    if len(scores):
        width = console.width if console.is_terminal else max(console.width, 160)
        console.width = width
        console.print(matrices(scores, result.manifest["models"], value=value, width=width))
        if layout and (printed := paper_sheets(result)):
            console.print(sheets(printed, width=width))
    failed, pending = len(result.failed), int((scores["status"] == "pending").sum())
    if failed or result.images_failed or pending:
        lost = f"{failed} of {amount(len(scores), 'score')} failed"
        console.print(Text(f"{lost}, {amount(pending, 'is', 'are')} still to do:", style="bold red"))
        for line in reasons(result.failed):
            console.print(line, soft_wrap=True)
        for reason in dict.fromkeys(result.images_failed if not failed else ()):
            console.print(Text(f"        {reason}", style="red"), soft_wrap=True)
    for doubt in result.doubts:
        console.print(Text(f"The selection may lack models: {doubt}", style="red"), soft_wrap=True)
    console.print(f"Scores: {result.folder / 'scores.csv'}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"Images: {result.folder / 'images'}", highlight=False, markup=False, soft_wrap=True)
