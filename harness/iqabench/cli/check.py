"""``iqabench check``: the conformance suite as a checklist, for authors."""

from __future__ import annotations

import importlib.util
import json
import sys
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from iqabench.errors import PluginError, UsageError
from iqabench.patterns import Selection, nearest, select
from iqabench.plugins import Plugins, discover

if TYPE_CHECKING:
    from iqabench.testing.suite import CheckResult

_SIGNS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "waived": ("~", "yellow"), "skipped": ("-", "cyan")}


@click.command()
@click.argument("plugins", metavar="PLUGIN_OR_ID...", nargs=-1, required=True)
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of every failure.")
def command(plugins: tuple[str, ...], verbose: bool) -> None:
    """Run the conformance suite on installed models.

    PLUGIN_OR_ID is the name of an installed plugin, the folder of its source, or ids and patterns as
    'nr.niqe', 'lr.*' or 'noise.gaussian[sigma=50]'. Where an installed plugin's source folder has
    tests/test_conformance.py, its classes are run, with their waivers and made weights.
    """
    if importlib.util.find_spec("pytest") is None:
        raise UsageError("iqabench check needs pytest.", hint="pip install 'iqabench[test]'")
    from iqabench.testing.suite import run_suite

    installed = discover()
    selections = find(plugins, installed)
    authored = _test_files({installed.models[selection.spec.id].distribution for selection in selections})
    shown: list[str] = []

    def show(result: CheckResult) -> None:
        if result.model not in shown:
            shown.append(result.model)
            click.secho(result.model, bold=True, file=stdout)
        sign, colour = _SIGNS[result.outcome]
        reason = f": {result.reason}" if result.reason else ""
        click.echo(f"  {click.style(sign, fg=colour)} {result.check.replace('_', ' ')}{reason}", file=stdout)
        if result.advice:
            click.secho(f"      {result.advice}", dim=True, file=stdout)
        if verbose and result.traceback:
            click.echo(result.traceback, file=stdout)

    stdout = sys.stdout  # kept: what pytest itself prints goes elsewhere
    outcomes = [result.outcome for result in run_suite(selections, authored=authored, report=show)]
    counts = {name: sum(outcome == name for outcome in outcomes) for name in _SIGNS}
    click.echo("\n" + ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count))
    if failed := counts["failed"]:
        hint = "" if verbose else "Give --verbose to see where."
        raise PluginError(f"{failed} check{'s' if failed > 1 else ''} failed.", hint=hint)


def find(texts: Sequence[str], plugins: Plugins) -> list[Selection]:
    """The models that distributions, folders, ids and patterns name, in that order, each once.

    Raises PluginError for a plugin that is broken, UsageError for one that is not installed or declares no
    model, SelectionError for what names nothing.
    """
    known = {declared.distribution for declared in plugins.models.values()}
    known |= {problem.plugin for problem in plugins.broken()}
    found: dict[str, Selection] = {}
    for text in texts:
        name = _distribution_in(Path(text)) or text
        if name in known or name != text or name.startswith("iqabench-"):
            selections = _models_of(name, plugins, known)
        else:
            selections = select([text], plugins.specs)
        found.update((selection.label, selection) for selection in selections)
    return list(found.values())


def _distribution_in(folder: Path) -> str | None:
    """The name in a folder's pyproject.toml; None if it is no folder with one."""
    project = folder / "pyproject.toml"
    if not project.is_file():
        return None
    try:
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"])
    except (tomllib.TOMLDecodeError, KeyError, UnicodeDecodeError) as error:
        raise UsageError(f"{project} names no project ({error}).") from error


def _models_of(name: str, plugins: Plugins, known: set[str]) -> list[Selection]:
    problems = [problem for problem in plugins.broken() if problem.plugin == name]
    if problems:
        raise PluginError("; ".join(map(str, problems)))
    specs = [declared.spec for declared in plugins.models.values() if declared.distribution == name]
    if not specs:
        hint = nearest(name, sorted(known)) or f"Install it first: pip install {name}, or pip install -e FOLDER"
        raise UsageError(f"No installed plugin {name} declares a model.", hint=hint)
    return [Selection(spec, spec.resolve({})) for spec in specs]


def _test_files(distributions: set[str]) -> list[Path]:
    """The conformance tests beside the sources of those that are installed in place (``pip install -e``)."""
    files = []
    for name in sorted(distributions):
        origin = json.loads(metadata.distribution(name).read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            folder = Path(unquote(urlsplit(origin["url"]).path))
            files.append(folder / "tests" / "test_conformance.py")
    return [file for file in files if file.is_file()]
