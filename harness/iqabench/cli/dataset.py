"""``iqabench dataset``: making a dataset of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from iqabench.cli import construct
from iqabench.patterns import at_path
from iqabench.plugins import discover
from iqabench.text import amount


@click.group("dataset")
def command() -> None:
    """Make a dataset of your own: photos chosen, degraded, enhanced, and ready to be rated."""


command.add_command(construct.build)
command.add_command(construct.verify)
command.add_command(construct.export)


@command.command("select")
@click.argument("dataset", metavar="NAME:PATH")
@click.option("--n", type=click.IntRange(min=1), default=400, show_default=True, help="How many images.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other images.")
@click.option(
    "--min-mos-quantile",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.75,
    show_default=True,
    help="Draw from images at or above this quantile of MOS: 0 all, 0.75 the best quarter.",
)
@click.option("--per-source", type=click.IntRange(min=0), default=1, show_default=True, help="Of one content; 0: any.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="CSV file to write; else it is printed.")
@click.option("--copy", "copy_to", type=click.Path(path_type=Path, file_okay=False), help="Copy the images there too.")
def select(
    dataset: str,
    n: int,
    seed: int,
    min_mos_quantile: float,
    per_source: int,
    out: Path | None,
    copy_to: Path | None,
) -> None:
    """Draw N images of high MOS from a rated dataset, as AU-IQA drew 400 photos from KonIQ-10k.

    The same seed draws the same images everywhere. The CSV is read back by --dataset 'csv:FILE[folder=FOLDER]'; a
    folder that --copy filled also by --images.
    """
    from iqabench.datasets.selection import copy_images, image_folder, select_items, to_csv, write_text

    spec, path = at_path(dataset, discover().datasets)
    chosen = select_items(
        spec.read(path),
        n,
        seed=seed,
        min_quantile=min_mos_quantile,
        higher_is_better=spec.as_read(path).higher_is_better,
        per_source=per_source,
    )
    folder = copy_to or image_folder(spec, path, chosen)
    if copy_to:
        copy_images(chosen, copy_to)
    text = to_csv(chosen, folder, copied=copy_to is not None)
    if out is None:
        click.echo(text, nl=False)
        return
    write_text(out, text)
    scores = [item.mos for item in chosen if item.mos is not None]
    click.echo(f"{amount(len(chosen), 'image')}, {spec.measure} {min(scores):g} to {max(scores):g}, in {out}")
    click.echo(f"Use it with: --dataset 'csv:{out}[folder={folder.resolve()}]'")
    if copy_to:
        click.echo(f"or with: --images {copy_to}")
