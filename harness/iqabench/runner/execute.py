"""Executing a prepared run, stage by stage, so that every cell ends done or failed and all is on record."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iqabench.errors import RunFailed
from iqabench.plan import STAGES, Cell, Plan
from iqabench.runner.observer import Observer
from iqabench.runner.pool import Limits, ModelQueue, Pool
from iqabench.runner.prepare import Prepared
from iqabench.runner.protocol import Job, Setup, Task
from iqabench.runner.study import Study
from iqabench.store import Outcome, Store
from iqabench.text import printable


@dataclass(frozen=True, slots=True)
class Executed:
    """What a run came to: an outcome for every cell that was tried, by key."""

    plan: Plan
    outcomes: Mapping[str, Outcome]

    def failures(self) -> list[tuple[Cell, Outcome]]:
        """Cells of the plan that failed, with their outcome."""
        found = ((cell, self.outcomes.get(cell.key)) for cell in self.plan.cells)
        return [(cell, outcome) for cell, outcome in found if outcome and outcome.status == "failed"]


class Execution:
    """One run of a plan into a store. Cells done before stay; those that failed are tried again."""

    def __init__(self, prepared: Prepared, store: Store, observer: Observer) -> None:
        self._prepared, self._store, self._observer = prepared, store, observer
        self._study: Study = prepared.study
        before = store.outcomes()
        self._outcomes = {key: o for key, o in before.items() if o.status == "done"}
        self._pending = self._select_pending(prepared.plan)

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """What is known of cells by now, by key."""
        return self._outcomes

    def run(self) -> Executed:
        """Compute what is pending. Raises StoreError where the disk refuses, RunFailed under ``fail_fast``."""
        plan = self._prepared.plan
        self._observer.planned(plan, sum(cell.key in self._outcomes for cell in plan.cells))
        study = self._study
        setup = Setup(
            device=study.device,
            dtype=study.dtype,
            seed=study.seed,
            threads=_threads(study),
            strict=study.strict,
            scratch=str(self._store.scratch.absolute()),
            offline=study.offline,
        )
        limits = Limits(load=study.load_timeout, image=study.timeout)
        with Pool(setup, workers=study.workers, limits=limits, logs=self._store.folder / "logs") as pool:
            for stage in STAGES:
                cells = self._pending[stage]
                if not cells:
                    continue
                self._observer.stage(stage, len(cells))
                tried = self._settle_hopeless(cells)
                pool.run(self._queues(tried), self._report)
                self._observer.stage_over()
        return Executed(plan, self._outcomes)

    def _select_pending(self, plan: Plan) -> dict[str, list[Cell]]:
        """Cells to compute, each key once; an image made before but gone is made again if something needs it."""
        pending: dict[str, dict[str, Cell]] = {stage: {} for stage in STAGES}

        def need(cell: Cell) -> None:
            if cell.key in pending[cell.model.stage]:
                return
            pending[cell.model.stage][cell.key] = cell
            parent = cell.input
            if parent and (parent.key not in self._outcomes or not self._store.image_path(parent).is_file()):
                need(parent)

        for cell in plan.cells:
            if cell.key not in self._outcomes:
                need(cell)
        return {stage: list(cells.values()) for stage, cells in pending.items()}

    def _settle_hopeless(self, cells: Iterable[Cell]) -> list[Cell]:
        """Cells that can be tried; the others fail at once with the reason."""
        hopeful, hopeless = [], []
        for cell in cells:
            parent = self._outcomes.get(cell.input.key) if cell.input else None
            if cell.problem:
                hopeless.append(Outcome(cell.key, "failed", reason=cell.problem))
            elif cell.input and (parent is None or parent.status == "failed"):
                reason = parent.reason if parent else "its input was not made"
                hopeless.append(Outcome(cell.key, "failed", reason=reason))
            else:
                hopeful.append(cell)
        self._report(hopeless)
        return hopeful

    def _queues(self, cells: Sequence[Cell]) -> list[ModelQueue]:
        """One queue a model, images of one size beside one another, in a fixed order."""
        by_model: dict[str, list[Cell]] = {}
        for cell in cells:
            by_model.setdefault(cell.model.identity, []).append(cell)
        queues = []
        for group in by_model.values():
            group.sort(key=lambda cell: cell.size)
            selection = group[0].model.selection
            own = self._prepared.weights.get(selection.spec.id)
            job = Job(
                model=selection.spec.id,
                params=selection.params,
                weights={name: str(path) for name, path in own.items()}
                if isinstance(own, dict)
                else str(own)
                if own
                else None,
                tasks=(),
                batch=1 if self._study.strict else self._study.batch_size,
            )
            queues.append(ModelQueue(job, deque(map(self._task, group))))
        return queues

    def _task(self, cell: Cell) -> Task:
        image = self._store.image_path(cell.input) if cell.input else cell.file
        return Task(
            key=cell.key,
            image=str(Path(image).absolute()),
            reference=str(cell.reference.absolute()) if cell.reference else "",
            size=cell.size,
            out="" if cell.model.stage == "score" else str(self._store.image_path(cell).absolute()),
        )

    def _report(self, outcomes: list[Outcome]) -> None:
        if not outcomes:
            return
        outcomes = [replace(o, reason=printable(o.reason)) if o.reason else o for o in outcomes]
        self._store.record(outcomes)
        self._outcomes.update((outcome.key, outcome) for outcome in outcomes)
        self._observer.outcomes(outcomes)
        if self._study.fail_fast:
            for outcome in outcomes:
                if outcome.status == "failed":
                    raise RunFailed(f"Stopped at the first failure: {outcome.reason}")


def _threads(study: Study) -> int:
    """Of each worker: an equal share of the processors, unless OMP_NUM_THREADS says otherwise; 1 where bits matter,
    since some sums depend on how many threads take part."""
    if study.strict:
        return 1
    return 0 if "OMP_NUM_THREADS" in os.environ else max(1, (os.cpu_count() or 1) // study.workers)
