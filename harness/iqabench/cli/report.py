"""``iqabench report``: a run as one page."""

from __future__ import annotations

from pathlib import Path

import click

from iqabench.cli.figures import figure_options, terms
from iqabench.errors import UsageError

_METRICS = "plcc,srcc,krcc,rmse"


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The page's file; RUN/report.html by default.")
@click.option("--title", default="", help="Default: the run folder's name.")
@click.option("--by", multiple=True, metavar="GROUPS", help="Default: enhancer, type, degrader, dataset where said.")
@click.option("--mos", type=click.Path(path_type=Path), help="Opinions of this run's images: a CSV with image, mos.")
@click.option("--raters", default=0, metavar="N", help="How many people judged each image, for the noise ceiling.")
@click.option("--photos", type=click.IntRange(0), default=8, show_default=True, help="In the gallery, at most.")
@click.option("--width", type=click.IntRange(32, 4096), default=448, show_default=True, help="Of its pictures, pixels.")
@click.option("--max-mb", default=5.0, show_default=True, help="Size of the page: pictures are left out above it.")
@figure_options(default_metrics=_METRICS, pairs=False)
def command(
    run: Path,
    out: Path | None,
    title: str,
    by: tuple[str, ...],
    mos: Path | None,
    raters: int,
    photos: int,
    width: int,
    max_mb: float,
    metric: tuple[str, ...],
    mapping: tuple[str, ...],
    resamples: int,
    seed: int,
    level: float,
) -> int:
    """Write RUN as one HTML page that needs nothing else: tables, charts, pictures, failures.

    It is made for any web browser and asks the network for nothing. Where people judged the images, it says how far
    each scorer agrees with them.
    """
    from iqabench.api import open_run
    from iqabench.cli.show import paper_sheets, rated_images
    from iqabench.report.conclusions import conclude
    from iqabench.report.groups import groups, usual_groupings
    from iqabench.report.page.build import Look, Run, build
    from iqabench.report.table import IMAGES, read_table
    from iqabench.runner.manifest import STUDY, write_text

    result = open_run(run)
    scores, images = result.scores, None
    if mos or scores["mos"].notna().any():
        images = rated_images(result, mos, raters)
    found = None
    if images is not None:
        found = conclude(
            images,
            groups(images, terms(by) or usual_groupings(images)),
            metrics=terms(metric) or terms([_METRICS]),
            mappings=terms(mapping) or ("logistic4",),
            resamples=resamples,
            seed=seed,
            level=level,
        )
    elif by or metric or mapping or raters:
        raise UsageError("No image of this run has an opinion score.", hint="Give them with --mos.")
    study = run / STUDY
    page = build(
        Run(
            folder=run,
            scores=scores,
            images=read_table(run, IMAGES),
            manifest=result.manifest,
            study=study.read_text(encoding="utf-8") if study.is_file() else "",
        ),
        found,
        Look(title=title, photos=photos, width=width, size=int(max_mb * 1e6)),
        paper=paper_sheets(result, images, resamples=resamples, seed=seed, level=level) if images is not None else (),
    )
    target = out or run / "report.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, page)
    click.echo(f"Report: {target} ({len(page.encode('utf-8', 'backslashreplace')) / 1e6:.1f} MB)")
    return 0 if result.complete else 1
