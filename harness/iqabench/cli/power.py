"""``iqabench power``: the smallest difference between two scorers that a number of images can show."""

from __future__ import annotations

import click

from iqabench.cli.figures import FORMATS, print_rows, print_sheets, terms
from iqabench.errors import UsageError


@click.command("power")
@click.option("--n", "sizes", multiple=True, metavar="N,...", help="Numbers of images. [default: 400,1600,4800]")
@click.option("--r", default=0.7, show_default=True, help="Correlation of the weaker scorer with people.")
@click.option("--between", default=0.8, show_default=True, help="Correlation of the two scorers.")
@click.option("--gain", type=float, help="Instead: how many images show a difference this large.")
@click.option("--alpha", default=0.05, show_default=True, help="Level of the test, two-sided.")
@click.option("--power", default=0.8, show_default=True, help="Chance to find the difference.")
@click.option("--comparisons", default=1, show_default=True, help="Tests that share alpha (Bonferroni).")
@click.option("--per-photo", default=1.0, show_default=True, help="Images made of one photo.")
@click.option("--icc", default=0.0, show_default=True, help="How alike they are judged, 0 to 1.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="rich")
def command(
    sizes: tuple[str, ...],
    r: float,
    between: float,
    gain: float | None,
    alpha: float,
    power: float,
    comparisons: int,
    per_photo: float,
    icc: float,
    form: str,
) -> None:
    """Say which differences between two scorers' correlations a study can show, by Steiger's test."""
    import pandas as pd

    from iqabench.report.power import needed, power_sheet, power_table

    if gain is not None:
        count = needed(
            gain,
            r=r,
            between=between,
            alpha=alpha,
            power=power,
            comparisons=comparisons,
            images_per_content=per_photo,
            content_icc=icc,
        )
        if form in ("csv", "json"):
            print_rows(pd.DataFrame([{"gain": gain, "n": count}]), form)
        else:
            click.echo(f"{count} images show that a scorer of {r + gain:g} beats one of {r:g}.")
        return
    table = power_table(
        _counts(sizes),
        r=r,
        between=between,
        alpha=alpha,
        power=power,
        comparisons=comparisons,
        images_per_content=per_photo,
        content_icc=icc,
    )
    if form in ("csv", "json"):
        print_rows(table, form)
    else:
        print_sheets([power_sheet(table, r=r, between=between, alpha=alpha, power=power)], form)


def _counts(texts: tuple[str, ...]) -> list[int]:
    counts = []
    for text in terms(texts) or ["400", "1600", "4800"]:
        if not text.isdigit():
            raise UsageError(f"{text!r} is no number of images.")
        counts.append(int(text))
    return counts
