"""``iqabench grid``: a picture of a run."""

from __future__ import annotations

from pathlib import Path

import click

from iqabench.errors import StoreError
from iqabench.patterns import split


@click.command("grid")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The picture's file; RUN/grid.png by default.")
@click.option("--item", "items", multiple=True, help="A photo by its name; repeatable. Default: one after another.")
@click.option("--iqa", multiple=True, help="Scores to print, by their labels. Default: up to four.")
@click.option("--rows", type=click.IntRange(1), default=12, show_default=True, help="At most so many rows.")
@click.option("--tile", type=click.IntRange(64, 2048), default=256, show_default=True, help="Pixels across a tile.")
def command(run: Path, out: Path | None, items: tuple[str, ...], iqa: tuple[str, ...], rows: int, tile: int) -> None:
    """Set the original, degraded and enhanced images of RUN side by side, labelled, with their scores."""
    from iqabench.api import open_run
    from iqabench.report.grid import draw_grid
    from iqabench.report.table import IMAGES, read_table

    result = open_run(run)
    scorers = [term for text in iqa for term in split(text)]
    picture = draw_grid(
        run.absolute(),
        read_table(run, IMAGES),
        result.scores,
        result.manifest["models"],
        items=items,
        rows=rows,
        scorers=scorers,
        tile=tile,
    )
    target = out or run / "grid.png"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target)
    except (OSError, ValueError) as error:
        raise StoreError(f"{target}: the picture cannot be written ({error}).") from error
    click.echo(f"Picture: {target}")
