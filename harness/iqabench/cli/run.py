"""``iqabench run``: the whole chain, from photos to matrices."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqabench.errors import UsageError
from iqabench.patterns import split
from iqabench.text import amount

if TYPE_CHECKING:
    from iqabench.runner.study import Study

_LISTS = ("degraders", "enhancers", "iqa")
_PAIRS = ("enhanced", "weights")


@click.command("run")
@click.option("--config", type=click.Path(path_type=Path), help="A study file; options given here win over it.")
@click.option("--images", type=click.Path(), help="Folder of photos.")
@click.option("--references", type=click.Path(), help="Folder of pristine images, matched to --images by name.")
@click.option("--dataset", multiple=True, metavar="NAME:PATH", help="A dataset in its official layout. Repeatable.")
@click.option("--demo", is_flag=True, help="Use the photos that come with iqabench.")
@click.option("--suite", help="A named selection of models; see `iqabench list --suites`.")
@click.option("--degraders", multiple=True, metavar="PATTERNS", help="As 'lr.*,noise.gaussian[sigma=25|50]'.")
@click.option("--enhancers", multiple=True, metavar="PATTERNS", help="As 'sr.*,dn.*'.")
@click.option("--iqa", multiple=True, metavar="PATTERNS", help="As 'fr.*,nr.niqe,!fr.vif'.")
@click.option("--enhanced", multiple=True, metavar="NAME=DIR", help="Images another tool made. Repeatable.")
@click.option("--weights", multiple=True, metavar="ID[:FILE]=PATH", help="Your own weights for a model. Repeatable.")
@click.option("--out", type=click.Path(), help="Run folder; the same command goes on where it stopped.")
@click.option("--all-pairs", is_flag=True, default=None, help="Every enhancer on every degrader.")
@click.option("--no-baselines", "baselines", flag_value=False, default=None, help="Score enhanced images only.")
@click.option("--limit", type=int, help="Take only this many photos, drawn by the seed.")
@click.option("--seed", type=int, help="Seed of everything random (0).")
@click.option("--device", help="auto, cpu, cuda, cuda:1 or mps (auto).")
@click.option("--dtype", help="float32, bfloat16 or float16, where a model admits it (each model's own).")
@click.option("--batch-size", type=int, help="Images at once; 0 is automatic (0).")
@click.option("--workers", type=int, help="Processes that compute (1).")
@click.option("--strict", is_flag=True, default=None, help="One image, one thread: the same bits on every run.")
@click.option("--timeout", type=float, help="Seconds a model may take for one image (600).")
@click.option("--load-timeout", type=float, help="Seconds a model may take to load (600).")
@click.option("--fail-fast", is_flag=True, default=None, help="Stop at the first failure.")
@click.option("--pull", is_flag=True, default=None, help="Fetch missing weights first.")
@click.option("--offline", is_flag=True, default=None, help="Never use the network.")
@click.option("--dry-run", is_flag=True, help="Print what would be computed, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables and bars.")
def command(config: Path | None, demo: bool, dry_run: bool, as_json: bool, **options: Any) -> int:
    """Degrade photos, enhance them, score every image with every IQA model, and print the matrices.

    Every stage may be left out: scores alone, degrade and score, enhance and score.
    """
    study = _study(config, demo, options)
    if dry_run:
        return _dry_run(study, as_json)
    return _run(study, as_json)


def _study(config: Path | None, demo: bool, options: Mapping[str, Any]) -> Study:
    from iqabench.runner.study import Study, read_study, study_from

    plain: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        if name in _LISTS:
            plain[name] = [term for text in value for term in split(text)]
        elif name in _PAIRS:
            plain[name] = dict(_pair(name, text) for text in value)
        else:
            plain[name] = value
    if demo:
        from iqabench.demo import photos

        plain.setdefault("images", str(photos()))
    given = study_from(plain, where="iqabench run")
    base = read_study(config) if config else Study()
    return replace(base, **{name: getattr(given, name) for name in plain})


def _pair(option: str, text: str) -> tuple[str, str]:
    from iqabench.weights.resolve import split_override

    name, value = split_override(text)
    if not (name and value):
        raise UsageError(f"--{option} {text!r} cannot be read.", hint="Write it as NAME=PATH.")
    return name, value


def _dry_run(study: Study, as_json: bool) -> int:
    from collections import Counter

    from iqabench.plugins import discover
    from iqabench.runner.observer import Observer
    from iqabench.runner.prepare import prepare

    plan = prepare(study, discover(), None, Observer()).plan
    counts = Counter((cell.model.stage, cell.model.label) for cell in plan.cells)
    if as_json:
        cells = [{"stage": stage, "model": label, "cells": n} for (stage, label), n in counts.items()]
        click.echo(json.dumps({"photos": len(plan.photos), "cells": cells, "notes": plan.notes}, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{amount(len(plan.photos), 'photo')}, {amount(len(plan.cells), 'cell')}", title_justify="left")
    for column in ("stage", "model", "cells"):
        table.add_column(column, justify="right" if column == "cells" else "left")
    for (stage, label), n in counts.items():
        table.add_row(stage, label, str(n))
    console = Console()
    console.print(table)
    for note in plan.notes:
        console.print(f"Not planned: {note}.", style="yellow", highlight=False, markup=False)
    return 0


def _run(study: Study, as_json: bool) -> int:
    from rich.console import Console

    from iqabench.api import run_study
    from iqabench.cli.progress import Bars, Quiet

    console = Console(stderr=True, quiet=as_json)
    watcher = Bars(console) if console.is_terminal and not as_json else Quiet(console)
    with watcher:
        result = run_study(study, watcher, waiting=watcher.waiting)
    if as_json:
        click.echo(json.dumps(_summary(result), indent=1))
    else:
        from iqabench.cli.show import print_result

        print_result(result, Console(file=sys.stdout))
    return 0 if result.complete else 1


def _summary(result: Any) -> dict[str, Any]:
    scores = result.scores
    means = result.matrix("mean").stack().dropna().reset_index() if len(scores) else None
    return {
        "folder": str(result.folder),
        "scores": len(scores),
        "done": int((scores["status"] == "done").sum()),
        "failed": int((scores["status"] == "failed").sum()),
        "images_failed": len(result.images_failed),
        "reasons": scores.loc[scores["status"] == "failed", "reason"].value_counts().to_dict(),
        "doubts": list(result.doubts),
        "means": []
        if means is None
        else [
            {"degrader": d, "enhancer": e, "scorer": s, "mean": m}
            for d, e, s, m in means.itertuples(index=False, name=None)
        ],
    }
