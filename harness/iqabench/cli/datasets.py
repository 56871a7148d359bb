"""``iqabench datasets``: the datasets that can be read, and whether a copy of one is whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from iqabench.errors import DatasetError
from iqabench.patterns import at_path
from iqabench.plugins import discover
from iqabench.text import amount, printable

if TYPE_CHECKING:
    from iqabench.datasets import DatasetSpec
    from iqabench.datasets.audit import Audit

_SHOWN = 10


@click.group("datasets", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the rated datasets that --dataset NAME:PATH reads, and where they are had. Nothing is downloaded."""
    if ctx.invoked_subcommand is None:
        _print(as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """List the datasets (what `iqabench datasets` alone does)."""
    _print(as_json)


@command.command("check")
@click.argument("dataset", metavar="NAME:PATH")
@click.option("--decode", is_flag=True, help="Read every image whole, not only its header.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every file named.")
def check(dataset: str, decode: bool, as_json: bool) -> None:
    """Look at every file of a dataset: missing, unreadable, twice there, counts and scores as published.

    Ends with 1 where something is wrong. PATH may end in options, as koniq10k:PATH[size=512x384].
    """
    from iqabench.datasets.audit import audit

    spec, path = at_path(dataset, discover().datasets)
    result = audit(spec, path, decode=decode)
    if as_json:
        click.echo(json.dumps({**asdict(result), "sound": result.sound}, indent=1))
    else:
        _print_audit(result, spec)
    if not result.sound:
        raise DatasetError(f"{dataset} is not whole.", hint="" if as_json else "Give --json to see every file.")


def _print(as_json: bool) -> None:
    plugins = discover()
    specs = list(plugins.datasets.values())
    if as_json:
        click.echo(json.dumps([{**asdict(spec), "filters": spec.filters} for spec in specs], indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for column in ("name", "summary", "n", "opinion", "licence", "where it is had"):
        table.add_column(
            column, overflow="fold", no_wrap=column == "name", justify="right" if column == "n" else "left"
        )
    for spec in specs:
        cells = (spec.name, spec.summary, f"{spec.n:,}" if spec.n else "", _opinion(spec), spec.licence, spec.home)
        table.add_row(*map(Text, cells))
    console = Console()
    console.width = console.width if console.is_terminal else max(console.width, 160)
    console.print(table)
    for problem in plugins.problems:
        console.print(Text(str(problem), style="red" if problem.fatal else "yellow"))
    click.echo("Use one with: iqabench run --dataset NAME:PATH, narrowed as koniq10k:PATH[split=test].")


def _opinion(spec: DatasetSpec) -> str:
    bounds = f" {spec.mos_range[0]:g} to {spec.mos_range[1]:g}" if spec.mos_range else ""
    return f"{spec.measure}{bounds}, {'higher' if spec.higher_is_better else 'lower'} is better"


def _print_audit(result: Audit, spec: DatasetSpec) -> None:
    click.echo(f"{click.style(spec.name, bold=True)}  {result.path}")
    images, references = amount(result.items, "image"), amount(result.references, "reference")
    click.echo(f"  {images}, {result.rated} with {spec.measure}, {references}")
    _print_files("missing", result.missing)
    _print_files("unreadable", result.unreadable)
    _print_files("twice there", [" = ".join(group) for group in result.duplicates])
    for surprise in result.surprises:
        click.secho(f"  {surprise}", fg="yellow")
    if result.sound:
        click.secho("  all there, readable, each once", fg="green")


def _print_files(what: str, lines: Sequence[str]) -> None:
    click.secho(f"  {len(lines)} {what}", fg="red" if lines else None)
    for line in lines[:_SHOWN]:
        click.echo(f"    {printable(line)}")
    if len(lines) > _SHOWN:
        click.echo(f"    ... and {len(lines) - _SHOWN} more")
