"""What a person sees while a run goes on: a bar a stage on a terminal, a line a stage elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from iqabench.plan import Plan
from iqabench.runner.observer import Observer
from iqabench.store import Outcome
from iqabench.text import amount

_VERBS = {"degrade": "degrading", "enhance": "enhancing", "score": "scoring"}


class Quiet(Observer):
    """One line a stage, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._failed = 0

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        return None

    def waiting(self) -> None:
        """Another process holds the run folder."""
        self._say("Another process is at work on this run folder; waiting for it to end.")

    def note(self, text: str) -> None:
        self._say(f"Not planned: {text}.")

    def planned(self, plan: Plan, done: int) -> None:
        text = f"{amount(len(plan.photos), 'photo')}, {amount(len(plan.cells), 'cell')}"
        nothing = ": nothing to do" if done == len(plan.cells) else ""
        self._say(f"{text}, {done} computed before{nothing}." if done else f"{text}.")

    def stage(self, name: str, total: int) -> None:
        self._say(f"{_VERBS[name]} {total} ...")

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._failed += sum(outcome.status == "failed" for outcome in outcomes)

    def stage_over(self) -> None:
        if self._failed:
            self._say(f"... {self._failed} failed so far.")

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} images/s" if task.speed else "", style="dim")


class Bars(Quiet):
    """A bar a stage, with images a second and the time left."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
            console=console,
        )
        self._task = self._progress.add_task("looking", total=None, failed="")
        self._stage_failed = 0

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def scanning(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def scanned(self) -> None:
        self._progress.advance(self._task)

    def stage(self, name: str, total: int) -> None:
        self._stage_failed = 0
        self._task = self._progress.add_task(_VERBS[name], total=total, failed="")

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._stage_failed += sum(outcome.status == "failed" for outcome in outcomes)
        failed = f"{self._stage_failed} failed" if self._stage_failed else ""
        self._progress.update(self._task, advance=len(outcomes), failed=failed)

    def stage_over(self) -> None:
        self._progress.refresh()
