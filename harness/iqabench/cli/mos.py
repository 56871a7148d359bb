"""``iqabench mos``: from raw votes to opinion scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from iqabench.cli.figures import FORMATS, print_rows, print_sheets, terms

_METHODS = ["plain", "bt500", "p913", "p910", "small-panel"]


@click.command("mos")
@click.argument("votes", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(_METHODS), default="plain", show_default=True, help="How votes become MOS.")
@click.option("--out", type=click.Path(path_type=Path), help="Write image, mos, low, high, std, votes to this CSV.")
@click.option("--image", default="", metavar="COL", help="The column of images.")
@click.option("--rater", default="", metavar="COL", help="The column of raters, where a row is a vote.")
@click.option("--vote", default="", metavar="COL", help="The column of votes, where a row is a vote.")
@click.option("--skip", multiple=True, metavar="COLS", help="Columns that are no raters. Repeatable.")
@click.option("--ddof", type=click.IntRange(0, 1), default=1, show_default=True, help="BT.500: SD by n-1 (1) or n (0).")
@click.option(
    "--unanimous",
    type=click.Choice(["skip", "count"]),
    default="skip",
    show_default=True,
    help="BT.500: images on which all agree. SUREAL is --ddof 0 --unanimous count.",
)
@click.option("--level", default=0.95, show_default=True, help="Of the intervals.")
@click.option("--apart", default=3.0, show_default=True, help="List images with votes this far apart.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="rich")
def command(
    votes: Path,
    method: Literal["plain", "bt500", "p913", "p910", "small-panel"],
    out: Path | None,
    image: str,
    rater: str,
    vote: str,
    skip: tuple[str, ...],
    ddof: int,
    unanimous: Literal["skip", "count"],
    level: float,
    apart: float,
    form: str,
) -> None:
    """Turn the raw VOTES of a panel into MOS with intervals; print how reliable the panel is.

    VOTES is a CSV with columns rater, image and vote, or with a column a rater, a bare matrix of numbers, or a SUREAL
    dataset (JSON). --format csv prints the MOS, json everything. It may also be the folder of a dataset that was rated
    by `iqabench annotate`: then the dataset gains its MOS, which --dataset built:FOLDER reads.
    """
    if votes.is_dir():
        _of_dataset(votes, method, out, form, ddof=ddof, unanimous=unanimous, level=level, apart=apart)
        return
    from iqabench.report.mos import facts, recover, sheets
    from iqabench.report.reading import write_csv
    from iqabench.report.votes import read_votes

    cast = read_votes(votes, image=image, rater=rater, vote=vote, skip=terms(skip))
    panel = recover(cast, method, ddof=ddof, unanimous=unanimous, level=level, apart=apart)
    if out:
        write_csv(panel.table, out)
    if form == "csv":
        print_rows(panel.table, form)
    elif form == "json":
        click.echo(json.dumps(facts(panel), indent=1))
    else:
        print_sheets(sheets(panel), form)


def _of_dataset(
    folder: Path,
    method: Literal["plain", "bt500", "p913", "p910", "small-panel"],
    out: Path | None,
    form: str,
    *,
    level: float,
    **choices: object,
) -> None:
    from iqabench.annotate.opinions import opinions, write_opinions
    from iqabench.datasets.built import MOS
    from iqabench.report.mos import facts, sheets
    from iqabench.report.reading import write_csv

    found = opinions(folder, method, level=level, **choices)
    write_opinions(folder, found)
    if out:
        write_csv(found.table, out)
    if form == "csv":
        print_rows(found.table, form)
    elif form == "json":
        everything = facts(found.panel) if found.panel else found.table.to_dict("records")
        click.echo(json.dumps(everything, indent=1))
    else:
        print_sheets(sheets(found.panel) if found.panel else list(found.sheets), form)
        click.echo(f"The dataset has its scores: {folder / MOS}")
