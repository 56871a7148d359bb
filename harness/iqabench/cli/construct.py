"""``iqabench dataset build``, ``verify`` and ``export``: a dataset of enhanced photos, ready to be rated."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from iqabench.errors import DatasetError
from iqabench.patterns import split
from iqabench.text import amount

if TYPE_CHECKING:
    from iqabench.construct.recipe import Recipe

_LISTS = ("degraders", "enhancers")
_SHOWN = 10


@click.command("build")
@click.option("--config", type=click.Path(path_type=Path), help="A study file; options given here win over it.")
@click.option("--dataset", metavar="NAME:PATH", help="Take photos from this dataset.")
@click.option("--images", type=click.Path(), help="Or from this folder.")
@click.option("--select", type=click.IntRange(min=0), help="How many photos to draw from the dataset (0: all).")
@click.option("--min-mos-quantile", type=float, help="Draw from those at or above this quantile of MOS (0.75).")
@click.option("--per-source", type=click.IntRange(min=0), help="Of one content; 0: any (1).")
@click.option("--suite", help="A named selection of models.")
@click.option("--degraders", multiple=True, metavar="PATTERNS", help="As 'lr.*,dark.*,noise.gaussian[sigma=25]'.")
@click.option("--enhancers", multiple=True, metavar="PATTERNS", help="As 'sr.*,lle.*,dn.*'.")
@click.option("--all-pairs", is_flag=True, default=None, help="Every enhancer on every degrader.")
@click.option("--weights", multiple=True, metavar="ID[:FILE]=PATH", help="Your own weights for a model. Repeatable.")
@click.option("--out", type=click.Path(), help="The dataset's folder; the same command goes on where it stopped.")
@click.option("--seed", type=int, help="Seed of the draw and of everything random (0).")
@click.option("--device", help="auto, cpu, cuda, cuda:1 or mps (auto).")
@click.option("--dtype", help="float32, bfloat16 or float16, where a model admits it.")
@click.option("--batch-size", type=int, help="Images at once; 0 is automatic (0).")
@click.option("--workers", type=int, help="Processes that compute (1).")
@click.option("--timeout", type=float, help="Seconds a model may take for one image (600).")
@click.option("--pull", is_flag=True, default=None, help="Fetch missing weights first.")
@click.option("--offline", is_flag=True, default=None, help="Never use the network.")
def build(config: Path | None, **options: Any) -> int:
    """Make a dataset of enhanced photos: choose, degrade, enhance, list, describe.

    AU-IQA's recipe: --dataset koniq10k:PATH --select 400 with a degrader and four enhancers for each of three tasks.
    """
    from rich.console import Console

    from iqabench.cli.progress import Bars, Quiet
    from iqabench.construct.build import build as make
    from iqabench.datasets.built import ROLES

    recipe = _recipe(config, options)
    console = Console(stderr=True)
    watcher = Bars(console) if console.is_terminal else Quiet(console)
    with watcher:
        built = make(recipe, watcher, waiting=watcher.waiting)
    counts = ", ".join(f"{built.count(role)} {role}" for role in ROLES)
    click.echo(f"{counts} images in {built.folder}")
    for file, reason in built.failures[:_SHOWN]:
        click.secho(f"  {file}: {reason}", fg="red", err=True)
    if len(built.failures) > _SHOWN:
        click.secho(f"  ... and {len(built.failures) - _SHOWN} more", fg="red", err=True)
    if built.failures:
        missing = amount(
            len(built.failures),
            "image is missing; the same command tries it",
            "images are missing; the same command tries them",
        )
        click.echo(f"{missing} again.", err=True)
        return 1
    click.echo(f"Rate it with:  iqabench annotate serve {built.folder}")
    click.echo(f"Score it with: iqabench run --dataset built:{built.folder} --iqa 'nr.*'")
    return 0


@click.command("verify")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every file named.")
def verify(folder: Path, as_json: bool) -> None:
    """Look at every image of a built dataset: there, unchanged, and for every photo alike."""
    from iqabench.construct.verify import verify as look

    found = look(folder)
    if as_json:
        click.echo(json.dumps({**asdict(found), "sound": found.sound}, indent=1))
    else:
        click.echo(f"{amount(found.images, 'image')} listed")
        for what in ("missing", "changed", "unlisted", "uneven"):
            _print(what, getattr(found, what))
    if not found.sound:
        raise DatasetError(f"{folder} is not whole.", hint="The command that built it makes what is missing.")
    if not as_json:
        click.secho("all there, unchanged, and for every photo alike", fg="green")


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["huggingface", "pyiqa"]),
    required=True,
    help="A folder that Hugging Face's datasets loads, or pyiqa's meta CSV.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder, or CSV file, to write.")
@click.option("--role", type=click.Choice(["enhanced", "degraded", "source", "all"]), default="enhanced")
def export(folder: Path, form: str, out: Path, role: Literal["enhanced", "degraded", "source"]) -> None:
    """Write a built dataset in the form of another tool."""
    from iqabench.construct.export import to_hugging_face, to_pyiqa

    count = (to_hugging_face if form == "huggingface" else to_pyiqa)(folder, out, role=role)
    click.echo(f"{amount(count, 'image')} in {out}")


def _recipe(config: Path | None, options: dict[str, Any]) -> Recipe:
    from iqabench.construct.recipe import Recipe, read_recipe, recipe_from
    from iqabench.runner.study import relative_to
    from iqabench.weights.resolve import split_override

    plain: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        if name in _LISTS:
            plain[name] = [term for text in value for term in split(text)]
        elif name == "weights":
            plain[name] = dict(map(split_override, value))
        else:
            plain[name] = [value] if name == "dataset" else value
    given = recipe_from(plain, where="iqabench dataset build")
    given = replace(given, study=relative_to(given.study, Path.cwd()))
    if config is None:
        return given
    base = read_recipe(config)
    own = {name: getattr(given.study, name) for name in plain if hasattr(given.study, name)}
    drawn = {name: getattr(given.draw, name) for name in plain if hasattr(given.draw, name)}
    return Recipe(study=replace(base.study, **own), draw=replace(base.draw, **drawn))


def _print(what: str, files: tuple[str, ...]) -> None:
    if not files:
        return
    click.secho(f"{len(files)} {what}", fg="red")
    for file in files[:_SHOWN]:
        click.echo(f"  {file}")
    if len(files) > _SHOWN:
        click.echo(f"  ... and {len(files) - _SHOWN} more")
