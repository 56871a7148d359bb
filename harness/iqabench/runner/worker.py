"""A worker process: loads one model at a time and computes the jobs it is sent.

Started by ``iqabench.runner.pool`` as ``python -m iqabench.runner.worker``. Jobs come in on standard input, answers
leave on the stream that was standard output; whatever models print goes to the log. When the supervisor dies,
standard input ends, and so does the worker.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch

from iqabench.errors import ImageError, IqabenchError
from iqabench.images import to_pixels, write_png
from iqabench.loading import Loaded, LoadedScorer, load_selection
from iqabench.patterns import Selection
from iqabench.plugins import Plugins, discover
from iqabench.runner.decoder import Decoder
from iqabench.runner.protocol import Job, Setup, Task, job_from, setup_from, to_line
from iqabench.weights.cache import Cache

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Inputs = tuple[Tensor, Tensor | None]

SWITCH_SECONDS = 5e-4
"""How long one thread may hold the interpreter while another waits: decoding asks for it often and briefly, and at
Python's own 5 ms would take six times as long beside a model that is busy in Python."""
HEAD_START = 1e-3
"""Seconds that a model of some length gets before the next batch is prepared: threads that begin to decode while it is
being called take the interpreter from it, for as long again as the runner costs otherwise."""
WRITES_AHEAD = 8
CUDA_BATCH_PIXELS, CUDA_BATCH_MOST = 16_000_000, 32


class Worker:
    """The state of one worker process."""

    def __init__(self, setup: Setup, answers: BinaryIO) -> None:
        self._setup = setup
        self.device = _device(setup)
        self._answers = answers
        self._send_lock = threading.Lock()
        self._decoder = Decoder()
        self._preparer = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="write")
        self._plugins: Plugins = discover()
        self._cache = Cache.default(offline=True)
        self._loaded: Loaded | None = None
        self._loaded_for: tuple[object, ...] = ()
        self._failed_load = ""
        self._jobs: deque[Job] = deque()
        self._waiting = threading.Semaphore(0)
        self._ahead: tuple[Sequence[Task], Future[Inputs]] | None = None
        self._head_start = 0.0

    def send(self, **message: object) -> None:
        with self._send_lock:
            self._answers.write(to_line(message))
            self._answers.flush()

    def accept(self, job: Job) -> None:
        """Take a job, to be run in its turn."""
        self._decoder.plan(_paths(job))
        self._jobs.append(job)
        self._waiting.release()

    def serve(self) -> None:
        """Run the jobs as they come, for ever."""
        while True:
            self._waiting.acquire()
            self._run(self._jobs.popleft())

    def _run(self, job: Job) -> None:
        """Answer every task of the job: done or failed."""
        model = self._model(job)
        if model is None:
            self._fail(job.tasks, self._failed_load)
        else:
            writing: deque[Future[None]] = deque()
            batches = self._batches(job)
            with torch.inference_mode():
                for tasks, following in zip_longest(batches, batches[1:]):
                    inputs = self._prepared(tasks)
                    self._prepare(following or self._first_of_next())
                    self._batch(model, tasks, writing, inputs)
            for future in writing:
                future.result()
        wanted: set[str] = set().union(*map(_paths, tuple(self._jobs)))  # as the next model often wants the same images
        self._decoder.drop((path for path in _paths(job) if path not in wanted), planned=model is None)
        self.send(event="finished")

    def _model(self, job: Job) -> Loaded | None:
        wanted = (job.model, tuple(sorted(job.params.items())), repr(job.weights))
        if wanted == self._loaded_for:
            return self._loaded
        self.send(event="loading", model=job.model)
        self._loaded, self._loaded_for, self._failed_load = None, wanted, ""
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        try:
            selection = Selection(self._plugins.models[job.model].spec, job.params)
            self._loaded = load_selection(
                selection,
                weights=job.weights,
                device=self.device,
                dtype=self._setup.dtype,
                seed=self._setup.seed,
                cache=self._cache,
            )
        except KeyError:
            self._failed_load = f"{job.model} is not installed for {sys.executable}"
        except IqabenchError as error:
            traceback.print_exc()
            self._failed_load = str(error)
        except (torch.OutOfMemoryError, MemoryError):
            self._failed_load = f"{job.model}: out of memory while loading"
        self.send(event="loaded", model=job.model)
        return self._loaded

    def _batches(self, job: Job) -> list[Sequence[Task]]:
        """The tasks that are computed at once, in turn."""
        size = job.batch or self._batch_size(job)
        return [job.tasks[start : start + size] for start in range(0, len(job.tasks), size)]

    def _batch_size(self, job: Job) -> int:
        """One by one on a CPU, where more gains little and can move the last bit; on a GPU by pixels."""
        declared = self._plugins.models.get(job.model)
        if self._setup.strict or not (declared and declared.spec.batchable) or not self.device.startswith("cuda"):
            return 1
        height, width = job.tasks[0].size
        return max(1, min(CUDA_BATCH_MOST, CUDA_BATCH_PIXELS // max(1, height * width)))

    def _first_of_next(self) -> Sequence[Task]:
        return self._batches(self._jobs[0])[0] if self._jobs else ()

    def _prepare(self, tasks: Sequence[Task]) -> None:
        if tasks:
            self._ahead = tasks, self._preparer.submit(self._inputs, tasks, self._head_start)

    def _prepared(self, tasks: Sequence[Task]) -> Future[Inputs]:
        """What was prepared, if it is of these tasks."""
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead and ahead[0] == tasks else self._preparer.submit(self._inputs, tasks)

    def _inputs(self, tasks: Sequence[Task], head_start: float = 0.0) -> Inputs:
        """The images of a batch, and their references where there are any. Raises ImageError."""
        if head_start:
            time.sleep(head_start)
        images = self._stack([self._decoder.get(task.image) for task in tasks])
        if not tasks[0].reference:
            return images, None
        return images, self._stack([_crop(self._decoder.get(task.reference), task.size) for task in tasks])

    def _batch(
        self,
        model: Loaded,
        tasks: Sequence[Task],
        writing: deque[Future[None]],
        ready: Future[Inputs] | None = None,
    ) -> None:
        """Compute some tasks at once; if that fails, in halves, so that only the culprit fails."""
        self.send(event="batch", keys=[task.key for task in tasks])
        started = time.perf_counter()
        reasons: Mapping[int, str] = {}
        try:
            images, references = ready.result() if ready else self._inputs(tasks)
            if isinstance(model, LoadedScorer):
                scores = model.judge(images, references)
                made, reasons = scores.values.double().tolist(), scores.reasons
            else:
                made = [to_pixels(image) for image in model(images)]  # type: ignore[operator]
        except (torch.OutOfMemoryError, MemoryError, IqabenchError) as error:
            if len(tasks) > 1:
                half = len(tasks) // 2
                self._batch(model, tasks[:half], writing)
                self._batch(model, tasks[half:], writing)
                return
            if isinstance(error, IqabenchError):
                traceback.print_exc()
                self._fail(tasks, str(error))
            else:
                size = f"{tasks[0].size[1]}×{tasks[0].size[0]}"
                self._fail(
                    tasks,
                    f"{model.spec.id}: out of memory on {size} pixels; try smaller images or --device cpu",
                )
            return
        took = time.perf_counter() - started
        self._head_start = HEAD_START if took > 10 * HEAD_START else 0.0
        seconds = took / len(tasks)
        if isinstance(model, LoadedScorer):
            self._answer(
                [
                    {"key": task.key, "status": "done", "score": score, "seconds": seconds}
                    if math.isfinite(score)
                    else {
                        "key": task.key,
                        "status": "failed",
                        "reason": f"{model.spec.id}: {reasons.get(place, f'its score is {score}')}",
                    }
                    for place, (task, score) in enumerate(zip(tasks, made, strict=True))
                ]
            )
            return
        self.send(event="computed")
        for task, pixels in zip(tasks, made, strict=True):
            if len(writing) == WRITES_AHEAD:
                writing.popleft().result()
            writing.append(self._writers.submit(self._write, task, pixels, seconds))

    def _write(self, task: Task, pixels: NDArray[np.uint8], seconds: float) -> None:
        try:
            write_png(Path(task.out), pixels, scratch=Path(self._setup.scratch))
        except IqabenchError as error:
            self.send(event="disk", reason=str(error))
            return
        self._answer([{"key": task.key, "status": "done", "score": None, "seconds": seconds}])

    def _answer(self, outcomes: list[dict[str, object]]) -> None:
        self.send(event="outcomes", outcomes=outcomes)

    def _fail(self, tasks: Sequence[Task], reason: str) -> None:
        self._answer([{"key": task.key, "status": "failed", "reason": reason} for task in tasks])

    def _stack(self, images: list[NDArray[np.uint8]]) -> Tensor:
        """(H, W, 3) arrays -> (N, 3, H, W) float32 in [0, 1] on the device. Raises ImageError where sizes differ."""
        if len({image.shape for image in images}) > 1:
            raise ImageError("Images of different sizes cannot share a batch.")
        pixels = torch.from_numpy(images[0][None] if len(images) == 1 else np.stack(images))
        return pixels.to(self.device).permute(0, 3, 1, 2).contiguous().float().div_(255)


def _paths(job: Job) -> list[str]:
    """The images of a job in the order in which they are wanted."""
    return [path for task in job.tasks for path in (task.image, task.reference) if path]


def _device(setup: Setup) -> str:
    """The device asked for; ``auto`` and ``cuda`` spread the workers over the GPUs there are."""
    if setup.device == "auto" and not torch.cuda.is_available():
        return "cpu"
    if setup.device in ("auto", "cuda"):
        return f"cuda:{setup.index % max(1, torch.cuda.device_count())}"
    return setup.device


def _crop(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The reference, cut at the bottom and the right as the degrader cut its input: by less than a step of it."""
    height, width = size
    if 0 <= pixels.shape[0] - height < 16 and 0 <= pixels.shape[1] - width < 16:
        return pixels[:height, :width]
    return pixels


def _read_jobs(worker: Worker, lines: BinaryIO) -> None:
    """Take jobs as they come. The supervisor's end is the worker's."""
    for line in lines:
        worker.accept(job_from(line))
    os._exit(0)


def main() -> None:
    """The process's entry: set up, then jobs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Models, and programs that they start, get neither line: no input, and the log as their output.
    lines, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    setup = setup_from(lines.readline())
    sys.setswitchinterval(SWITCH_SECONDS)
    if setup.offline:
        os.environ.update(IQABENCH_OFFLINE="1", HF_HUB_OFFLINE="1")
    if setup.threads:
        torch.set_num_threads(setup.threads)
    if setup.strict:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    worker = Worker(setup, answers)
    worker.send(event="ready", device=worker.device)
    threading.Thread(target=_read_jobs, args=(worker, lines), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
