"""``iqabench correlate``: the agreement of scores with opinions, from any table."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from iqabench.cli.figures import FORMATS, figure_options, print_conclusions, terms


@click.command("correlate")
@click.argument("scores", type=click.Path(path_type=Path))
@click.option("--mos", default="mos", show_default=True, metavar="COL", help="The column of opinions.")
@click.option("--score", "score", multiple=True, metavar="COL", help="A scorer's column. Repeatable. [default: all]")
@click.option("--lower-better", multiple=True, metavar="COL", help="A scorer, or the opinions (DMOS). Repeatable.")
@click.option("--group", multiple=True, metavar="COL", help="Also in groups of equal values. Repeatable.")
@click.option(
    "--source", default="", metavar="COL", help="The source photo: images that share it are resampled as one."
)
@click.option("--std", default="", metavar="COL", help="Standard deviation of each image's votes.")
@click.option("--raters", default="", metavar="N|COL", help="Their number, or its column.")
@click.option(
    "--intervals",
    type=click.Choice(["bootstrap", "closed", "none"]),
    default="bootstrap",
    show_default=True,
    help="closed: Fisher, Bonett-Wright, Steiger; for independent images.",
)
@click.option("--random", default=0, metavar="N", help="Also on N images drawn by the seed.")
@figure_options(default_metrics="plcc,srcc,krcc")
@click.option("--format", "form", type=click.Choice(FORMATS), default="rich")
def command(
    scores: Path,
    mos: str,
    score: tuple[str, ...],
    lower_better: tuple[str, ...],
    group: tuple[str, ...],
    source: str,
    std: str,
    raters: str,
    intervals: Literal["bootstrap", "closed", "none"],
    random: int,
    form: str,
    metric: tuple[str, ...],
    mapping: tuple[str, ...],
    resamples: int,
    seed: int,
    level: float,
    pairs: str | None,
) -> None:
    """Correlate the columns of SCORES, a CSV with a row an image, with people's opinions.

    Signs are kept: a scorer that agrees is positive, if --lower-better says which columns run downwards.
    """
    from iqabench.report.columns import rated_from_columns
    from iqabench.report.conclusions import conclude
    from iqabench.report.groups import groups
    from iqabench.report.reading import read_csv

    images = rated_from_columns(
        read_csv(scores),
        mos=mos,
        scores=score,
        groups=group,
        source=source,
        lower_better=lower_better,
        std=std,
        raters=raters,
    )
    found = conclude(
        images,
        groups(images, group, random=random, seed=seed),
        metrics=terms(metric) or ("plcc", "srcc", "krcc"),
        mappings=terms(mapping),
        intervals=intervals,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    print_conclusions(found, form, pairs)
