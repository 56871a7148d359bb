"""``iqabench new``: a complete plugin package to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from iqabench.scaffold import plan_package, write_package
from iqabench.scaffold.package import KINDS


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--id", "model_id", metavar="GROUP.NAME", help="The model's id. [default: nr., dn. or noise.NAME]")
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where the package's folder is made. [default: here]",
)
def command(kind: str, name: str, model_id: str | None, parent: Path) -> None:
    """Write a plugin package for a new model.

    It holds a small working model, to be replaced by yours, its declaration and tests. NAME is in lower-case
    letters, digits and hyphens.
    """
    package = plan_package(kind, name, model_id=model_id, parent=parent)
    for path in write_package(package):
        click.echo(f"wrote {os.path.relpath(path)}")
    where = os.path.relpath(package.folder)
    click.echo(f"\nNext:\n  pip install -e {where}\n  iqabench list '{package.id}'\n  iqabench check {where}")
