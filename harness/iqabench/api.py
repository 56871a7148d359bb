"""The harness from Python: ``iqabench.run(...)`` does what the command does and returns the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from iqabench.plugins import discover
from iqabench.report.table import IMAGES, SCORES, image_table, long_table, matrix, read_table, write_table
from iqabench.runner.execute import Execution
from iqabench.runner.manifest import read_manifest, write_manifest
from iqabench.runner.observer import Observer
from iqabench.runner.prepare import choose, prepare
from iqabench.runner.study import Study, read_study, relative_to, study_from
from iqabench.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a run came to. ``scores`` is the long table; ``doubts`` names broken plugins that a pattern may have
    meant."""

    folder: Path
    scores: pd.DataFrame
    manifest: Mapping[str, Any]
    doubts: tuple[str, ...] = ()
    images_failed: tuple[str, ...] = ()

    def matrix(self, value: str = "mean") -> pd.DataFrame:
        """Degraders and enhancers down, scorers across: ``mean``, ``std``, ``median``, ``n`` or ``planned``."""
        return matrix(self.scores, value)

    @property
    def failed(self) -> pd.DataFrame:
        """Rows of ``scores`` that failed, each with its reason."""
        return self.scores[self.scores["status"] == "failed"]

    @property
    def complete(self) -> bool:
        """Whether everything planned was computed."""
        return bool((self.scores["status"] == "done").all()) and not self.images_failed and not self.doubts


def run(
    images: str | PathLike[str] = "",
    *,
    config: str | PathLike[str] | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Result:
    """Run a study: the options of ``iqabench run``, with underscores. See ``iqabench.runner.study.Study``.

    ``degraders``, ``enhancers`` and ``iqa`` take a pattern or a list of them. Failed cells do not raise: look at
    ``result.failed``. Raises UsageError and its kin for what cannot be run at all.
    """
    study = read_study(Path(config)) if config else Study()
    given = {name: _plain(value) for name, value in {"images": images, **options}.items() if value != ""}
    typed = study_from(given, where="iqabench.run")
    return run_study(replace(study, **{name: getattr(typed, name) for name in given}), observer or Observer())


def run_study(study: Study, observer: Observer, *, waiting: Callable[[], None] | None = None) -> Result:
    """Prepare, execute and tabulate a study in its run folder, which no other process may use meanwhile."""
    study = relative_to(study, Path.cwd())  # so that the copy in the run folder can be given from anywhere
    plugins = discover()
    choose(study, plugins)  # a mistyped pattern is refused before a folder is made
    with Store(Path(study.out)) as store, store.lock(waiting=waiting):
        prepared = prepare(study, plugins, store, observer)
        write_manifest(store.folder, prepared)
        execution = Execution(prepared, store, observer)
        try:
            executed = execution.run()
        finally:
            outcomes = execution.outcomes
            table = long_table(prepared.plan, outcomes, store, seed=study.seed)
            write_table(store.folder, SCORES, table)
            write_table(store.folder, IMAGES, image_table(prepared.plan, outcomes, store))
        failed = [outcome.reason for cell, outcome in executed.failures() if cell.model.stage != "score"]
        return Result(
            folder=store.folder,
            scores=table,
            manifest=read_manifest(store.folder),
            doubts=prepared.doubts,
            images_failed=tuple(failed),
        )


def open_run(folder: str | PathLike[str]) -> Result:
    """The result of a run made before."""
    path = Path(folder)
    images = read_table(path, IMAGES)
    made = images["image"].str.startswith("images/")
    failed = images.loc[made & (images["status"] == "failed"), "reason"]
    return Result(
        folder=path,
        scores=read_table(path, SCORES),
        manifest=read_manifest(path),
        images_failed=tuple(failed),
    )


def _plain(value: Any) -> Any:
    """Paths as text, inside lists and mappings too."""
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
