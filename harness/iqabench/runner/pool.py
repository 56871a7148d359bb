"""Worker processes under supervision: fed, watched, and replaced when they die or hang.

A worker that dies or outlasts its time limit is blamed on the batch it had begun: a batch of several is tried
again one by one, a single image fails with the reason, and everything else goes back in the queue.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from iqabench.errors import IqabenchError, StoreError
from iqabench.runner.protocol import Job, Setup, Task, to_line
from iqabench.store import Outcome

JOB_MOST, JOB_PIXELS = 32, 48_000_000
QUEUED_JOBS = 2
START_SECONDS = 300.0
"""For a worker to import torch; a slow network disk takes a while, and no model is to blame."""
DEATHS_MOST = 5
"""Images in a row that may take a model's process down with them, before the model is given up for this run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Seconds that a model may take: to load, and for each image."""

    load: float
    image: float


@dataclass(slots=True)
class ModelQueue:
    """What is still to be computed with one model. ``job`` holds what all of its jobs share."""

    job: Job
    tasks: deque[Task]
    alone: deque[Task] = field(default_factory=deque)
    workers: int = 0
    deaths: int = 0

    def take(self, workers: int) -> Job | None:
        """The next job: images of one size, few enough to be decoded ahead and to leave the other workers some.
        Suspects go one at a time."""
        if not self.tasks:
            return replace(self.job, tasks=(self.alone.popleft(),), batch=1) if self.alone else None
        size = self.tasks[0].size
        most = max(1, min(JOB_MOST, JOB_PIXELS // max(1, size[0] * size[1])))
        if workers > 1:
            most = min(most, max(self.job.batch, -(-len(self.tasks) // (QUEUED_JOBS * workers))))
        taken: list[Task] = []
        while self.tasks and len(taken) < most and self.tasks[0].size == size:
            taken.append(self.tasks.popleft())
        return replace(self.job, tasks=tuple(taken))

    def give_up(self) -> list[Task]:
        """All that is left, taken out of the queue."""
        left = [*self.tasks, *self.alone]
        self.tasks.clear()
        self.alone.clear()
        return left

    def __len__(self) -> int:
        return len(self.tasks) + len(self.alone)


@dataclass(slots=True)
class _Process:
    """A worker process, the jobs it holds, and what it is doing since when."""

    popen: subprocess.Popen[bytes]
    log: Path
    index: int
    jobs: deque[tuple[ModelQueue, Job]] = field(default_factory=deque)
    answered: set[str] = field(default_factory=set)
    batch: tuple[str, ...] = ()
    doing: str = "starting"
    since: float = field(default_factory=time.monotonic)
    buffer: bytes = b""
    queue: ModelQueue | None = None
    device: str = ""

    @property
    def stdout(self) -> IO[bytes]:
        assert self.popen.stdout is not None
        return self.popen.stdout

    def now(self, doing: str, batch: Sequence[str] = ()) -> None:
        self.doing, self.batch, self.since = doing, tuple(batch), time.monotonic()

    def limit(self, limits: Limits) -> float:
        if self.doing == "batch":
            return limits.image * max(1, len(self.batch))
        if self.doing == "starting":
            return max(limits.load, START_SECONDS)
        return limits.load if self.doing == "loading" else float("inf")

    def holds(self) -> list[tuple[ModelQueue, Task]]:
        """Tasks sent and not answered."""
        return [(q, task) for q, job in self.jobs for task in job.tasks if task.key not in self.answered]


class Pool:
    """Up to ``workers`` processes, started when needed and kept from stage to stage. Close it at the end."""

    def __init__(self, setup: Setup, *, workers: int, limits: Limits, logs: Path) -> None:
        self._setup, self._most, self._limits, self._logs = setup, workers, limits, logs
        self._processes: list[_Process] = []
        self._selector = selectors.DefaultSelector()
        self._idle_deaths = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for process in list(self._processes):
            self._remove(process)
        self._selector.close()

    def run(self, queues: Sequence[ModelQueue], report: Callable[[list[Outcome]], None]) -> None:
        """Compute all that the queues hold, reporting outcomes as they come. What ``report`` raises ends it."""
        while any(queues) or any(process.jobs for process in self._processes):
            self._feed(queues)
            for key, _ in self._selector.select(timeout=self._patience()):
                process: _Process = key.data
                data = os.read(process.stdout.fileno(), 1 << 20)
                if data:
                    self._hear(process, data, report)
                else:
                    self._bury(process, self._how_it_died(process), report)
            waiting = {key.data.index for key, _ in self._selector.select(timeout=0)}
            for process in list(self._processes):
                late = time.monotonic() - process.since > process.limit(self._limits)
                if late and process.index not in waiting:  # its answer may lie here, unheard
                    seconds = process.limit(self._limits)
                    option = "--timeout" if process.doing == "batch" else "--load-timeout"
                    self._bury(process, f"gave no answer within {seconds:g} s ({option})", report)

    def _feed(self, queues: Sequence[ModelQueue]) -> None:
        for process in list(self._processes):
            while len(process.jobs) < QUEUED_JOBS and (queue := self._next_queue(process, queues)):
                self._send(process, queue)
        while len(self._processes) < self._most and any(queues):
            process = self._start()
            if queue := self._next_queue(process, queues):
                self._send(process, queue)

    def _next_queue(self, process: _Process, queues: Sequence[ModelQueue]) -> ModelQueue | None:
        """The model this worker has, while it has work; else one with the fewest workers and the most work."""
        if process.queue is not None and len(process.queue):
            return process.queue
        waiting = [queue for queue in queues if len(queue)]
        return min(waiting, key=lambda queue: (queue.workers, -len(queue)), default=None)

    def _send(self, process: _Process, queue: ModelQueue) -> None:
        job = queue.take(self._most)
        if job is None:
            return
        if process.queue is not queue:
            if process.queue is not None:
                process.queue.workers -= 1
            queue.workers += 1
            process.queue = queue
        process.jobs.append((queue, job))
        assert process.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is about to be read; what it holds goes back
            process.popen.stdin.write(to_line(job))
            process.popen.stdin.flush()

    def _start(self) -> _Process:
        self._logs.mkdir(parents=True, exist_ok=True)
        index = min(set(range(self._most)) - {process.index for process in self._processes})
        path = self._logs / f"worker-{index + 1}.log"
        with path.open("ab") as log:
            popen = subprocess.Popen(
                [sys.executable, "-m", "iqabench.runner.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        process = _Process(popen, path, index)
        assert popen.stdin is not None
        popen.stdin.write(to_line(replace(self._setup, index=index)))
        popen.stdin.flush()
        self._processes.append(process)
        self._selector.register(process.stdout, selectors.EVENT_READ, process)
        return process

    def _hear(self, process: _Process, data: bytes, report: Callable[[list[Outcome]], None]) -> None:
        *lines, process.buffer = (process.buffer + data).split(b"\n")
        outcomes: list[Outcome] = []
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            event = message["event"]
            if event == "outcomes":
                if process.doing == "batch":
                    process.now("between")
                self._idle_deaths = process.jobs[0][0].deaths = 0
                for plain in message["outcomes"]:
                    process.answered.add(plain["key"])
                    outcomes.append(Outcome(**plain, device=process.device))
            elif event == "batch":
                process.now("batch", message["keys"])
            elif event == "finished":
                _, job = process.jobs.popleft()
                process.answered.difference_update(task.key for task in job.tasks)
                process.now("between")
            elif event == "disk":
                report(outcomes)
                raise StoreError(
                    message["reason"],
                    hint="Free some space or allow writing, then give the same command to go on.",
                )
            else:
                process.device = message.get("device", process.device)
                process.now("loading" if event == "loading" else "between")
        if outcomes:
            report(outcomes)

    def _bury(self, process: _Process, reason: str, report: Callable[[list[Outcome]], None]) -> None:
        """End a worker and settle what it held."""
        held, suspects, doing = process.holds(), set(process.batch), process.doing
        current = process.jobs[0][0] if process.jobs else None
        self._remove(process)
        if doing == "starting":
            raise IqabenchError(
                f"A worker process {reason} before it was ready.",
                hint=f"See {process.log} for what it printed.",
            )
        failed: list[Outcome] = []
        for queue, task in reversed(held):
            if doing == "loading" and queue is current:
                failed.append(self._failure(queue, task, f"{reason} while loading"))
            elif task.key in suspects and len(suspects) == 1:
                failed.append(self._failure(queue, task, reason))
                queue.deaths += 1
            elif task.key in suspects:
                queue.alone.append(task)
            else:
                queue.tasks.appendleft(task)
        if doing == "loading" and current is not None:
            failed += [self._failure(current, task, f"{reason} while loading") for task in current.give_up()]
        if current is not None and current.deaths >= DEATHS_MOST:
            again = f"{reason}, {DEATHS_MOST} times in a row; the rest was not tried"
            failed += [self._failure(current, task, again) for task in current.give_up()]
        if not failed and not suspects:
            self._idle_deaths += 1
            if self._idle_deaths > 3:
                raise IqabenchError(f"Workers keep dying: the last one {reason}.", hint=f"See {process.log}.")
        report(failed)

    def _failure(self, queue: ModelQueue, task: Task, reason: str) -> Outcome:
        return Outcome(task.key, "failed", reason=f"{queue.job.model}: its process {reason}")

    def _how_it_died(self, process: _Process) -> str:
        try:
            code = process.popen.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "closed the line to the supervisor"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _remove(self, process: _Process) -> None:
        self._processes.remove(process)
        self._selector.unregister(process.stdout)
        if process.queue is not None:
            process.queue.workers -= 1
        process.popen.kill()
        process.popen.wait()
        process.stdout.close()
        assert process.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # what was still unsent to a dead worker is of no use
            process.popen.stdin.close()

    def _patience(self) -> float:
        """Seconds until the next time limit is over."""
        now = time.monotonic()
        left = [process.since + process.limit(self._limits) - now for process in self._processes]
        return max(0.0, min([*left, 60.0]))
