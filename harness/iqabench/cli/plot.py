"""``iqabench plot``: charts of a run, for papers and slides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from iqabench.cli.figures import terms
from iqabench.errors import UsageError
from iqabench.patterns import nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from iqabench.api import Result
    from iqabench.report.groups import Group
    from iqabench.report.opinions import Rated
    from iqabench.report.page.agreement import Agreement

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("plot")
def command() -> None:
    """Draw a chart of RUN as .png, .svg or .pdf."""


def _common(command: Command) -> Command:
    for option in (
        click.option("--width", default=0.0, metavar="INCHES", help="Of the chart. Default: as its panels need."),
        click.option("--out", type=click.Path(path_type=Path), required=True, help="The file: .png, .svg or .pdf."),
        click.argument("run", type=click.Path(path_type=Path)),
    ):
        command = option(command)
    return command


def _opinions(command: Command) -> Command:
    for option in (
        click.option("--mos", type=click.Path(path_type=Path), help="Opinions of this run's images: a CSV."),
        click.option("--by", multiple=True, metavar="GROUPS", help="enhancer, type, dataset, degrader, or a fact."),
    ):
        command = option(command)
    return command


_iqa = click.option("--iqa", multiple=True, metavar="SCORERS", help="By their labels. Default: all.")


@command.command("scatter")
@_common
@_opinions
@_iqa
@click.option("--group", default="all", show_default=True, help="One group of --by, by its name.")
@click.option(
    "--mapping",
    type=click.Choice(["logistic4", "logistic5", "cubic", "linear", "none"]),
    default="logistic4",
    show_default=True,
    help="The curve fitted through the dots.",
)
def scatter(
    run: Path,
    out: Path,
    width: float,
    by: tuple[str, ...],
    mos: Path | None,
    iqa: tuple[str, ...],
    group: str,
    mapping: Literal["logistic4", "logistic5", "cubic", "linear", "none"],
) -> None:
    """Scores against opinions, a panel a scorer, with the fitted curve."""
    from iqabench.report import plots

    images = _rated(_opened(run), mos)
    grouped = {one.label: one for one in _groups(images, by or (("type",) if group != "all" else ()))}
    if group not in grouped:
        hint = nearest(group, list(grouped)) or f"There are: {', '.join(grouped)}. --by makes others."
        raise UsageError(f"There is no group {group!r}.", hint=hint)
    with plots.style():
        chart = plots.scatter(images, grouped[group], _chosen(iqa, images.scores), mapping=mapping, width=width)
        _save(chart, out)


@command.command("hist")
@_common
@_opinions
def hist(run: Path, out: Path, width: float, by: tuple[str, ...], mos: Path | None) -> None:
    """How opinions are spread, a panel an enhancer and type, as the AU-IQA paper's Figure 4."""
    from iqabench.report import plots

    images = _rated(_opened(run), mos)
    with plots.style():
        _save(plots.opinion_histograms(images, _groups(images, by), width=width), out)


@command.command("heatmap")
@_common
@_opinions
@click.option(
    "--of",
    type=click.Choice(["scorers", "groups"]),
    default="scorers",
    show_default=True,
    help="How scorers agree with each other, or with people on each group.",
)
@click.option("--metric", type=click.Choice(["plcc", "srcc", "krcc", "within"]), default="srcc", show_default=True)
def heatmap(
    run: Path,
    out: Path,
    width: float,
    by: tuple[str, ...],
    mos: Path | None,
    of: Literal["scorers", "groups"],
    metric: str,
) -> None:
    """Agreement as a heat map with its figures."""
    from iqabench.report import plots

    result = _opened(run)
    with plots.style():
        if of == "groups":
            from iqabench.report.conclusions import conclude

            images = _rated(result, mos)
            found = conclude(images, _groups(images, by), metrics=[metric], resamples=0)
            _save(plots.figures_map(found.table, metric, width=width), out)
        else:
            _save(plots.agreement_map(_between(result, mos), width=width), out)


@command.command("grid")
@_common
@click.option("--item", "items", multiple=True, help="A photo by its name; repeatable. Default: one after another.")
@_iqa
@click.option("--rows", type=click.IntRange(1), default=12, show_default=True, help="At most so many rows.")
@click.option("--tile", type=click.IntRange(64, 2048), default=256, show_default=True, help="Pixels across a tile.")
def grid(
    run: Path, out: Path, width: float, items: tuple[str, ...], iqa: tuple[str, ...], rows: int, tile: int
) -> None:
    """Originals, degraded and enhanced images side by side with their scores."""
    from iqabench.report import plots
    from iqabench.report.grid import draw_grid
    from iqabench.report.table import IMAGES, read_table

    result = _opened(run)
    picture = draw_grid(
        run.absolute(),
        read_table(run, IMAGES),
        result.scores,
        result.manifest["models"],
        items=items,
        rows=rows,
        scorers=_labels(iqa),
        tile=tile,
    )
    with plots.style():
        chart = plots.framed(picture)
        if width:
            chart.set_size_inches(width, width * picture.height / picture.width)
        _save(chart, out)


def _opened(run: Path) -> Result:
    from iqabench.api import open_run

    return open_run(run)


def _rated(result: Result, mos: Path | None) -> Rated:
    from iqabench.cli.show import rated_images

    return rated_images(result, mos)


def _groups(images: Rated, by: tuple[str, ...]) -> list[Group]:
    from iqabench.report.groups import groups, usual_groupings

    return groups(images, terms(by) or usual_groupings(images))


def _labels(given: tuple[str, ...]) -> list[str]:
    from iqabench.patterns import split

    return [label for text in given for label in split(text)]


def _chosen(given: tuple[str, ...], known: Mapping[str, object]) -> list[str]:
    for label in _labels(given):
        if label not in known:
            raise UsageError(f"The run has no scorer {label!r}.", hint=nearest(label, list(known)))
    return _labels(given) or list(known)


def _between(result: Result, mos: Path | None) -> Agreement:
    import numpy as np

    from iqabench.report.page.agreement import agreement
    from iqabench.report.page.wide import wide
    from iqabench.report.table import IMAGES, read_table

    table = wide(result.scores, read_table(result.folder, IMAGES), result.manifest["models"])
    opinions = np.full(table.n, np.nan)
    if mos or result.scores["mos"].notna().any():
        images = _rated(result, mos)
        opinions[table.rows_of(images.images)] = images.better_mos()
    return agreement(table, opinions)


def _save(chart: Figure, out: Path) -> None:
    from iqabench.report import plots

    plots.save(chart, out)
    click.echo(f"Chart: {out}")
