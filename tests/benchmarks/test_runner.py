"""What the runner itself costs, beside a bare loop that calls the same model on the same decoded images.

Run with ``pytest tests/benchmarks/test_runner.py --benchmark-only``. Times of whole processes are processor
seconds, which a busy machine disturbs least; they run on one processor, so that it is as long as they take.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iqabench.api import run_study
from iqabench.images import read_image, to_tensor
from iqabench.loading import load
from iqabench.plugins import discover
from iqabench.runner.observer import Observer
from iqabench.runner.prepare import prepare
from iqabench.runner.study import Study
from iqabench.store import Outcome, Store

BUSY = """
import time
end = time.perf_counter() + 0.02
while time.perf_counter() < end:
    images.square().mean()
return images[:, 0, 0, 0]
"""
PARAM = "params=(Param(name='k', default=0, help='tells variants apart'),)"


@pytest.fixture
def site(tmp_path: Path, zoo, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    for kind, model, body, facts in [
        ("scorer", "zoo.null", "return images[:, 0, 0, 0]", PARAM),
        ("scorer", "zoo.busy", BUSY, ""),
        ("degrader", "noise.null", "return images", f"undone_by='dn', {PARAM}"),
    ]:
        source = getattr(zoo, kind)(model, body, facts=facts)
        zoo.install(folder, zoo.distribution_of(kind, model), source)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.syspath_prepend(str(folder))
    return folder


def photos(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """``count`` images of (height, width) ``size``, no two alike."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize(size[::-1], Image.Resampling.BICUBIC).save(folder / f"{index:05}.png", compress_level=1)
    return folder


class Watch(Observer):
    """Seconds a cell, from the first that is done to the last, so that no process start is in it."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        assert all(outcome.status == "done" for outcome in outcomes)
        self.seen.append((time.perf_counter(), len(outcomes)))

    def seconds(self) -> float:
        return (self.seen[-1][0] - self.seen[0][0]) / sum(count for _, count in self.seen[1:])


def of_run(images: Path, scorer: str, out: Path) -> float:
    watch = Watch()
    run_study(Study(images=str(images), iqa=[scorer], out=str(out), device="cpu"), watch)
    return watch.seconds()


def of_loop(images: Path, scorer: str) -> float:
    model = load(scorer).model
    decoded = [to_tensor(read_image(path)) for path in sorted(images.iterdir())]
    started = time.perf_counter()
    for image in decoded:
        model(image).tolist()
    return (time.perf_counter() - started) / len(decoded)


@pytest.mark.parametrize(
    ("scorer", "count", "size"),
    [("zoo.null", 3000, (64, 64)), ("zoo.null", 150, (384, 512)), ("zoo.busy", 150, (384, 512))],
)
def test_cost_of_a_cell(benchmark, site: Path, tmp_path: Path, scorer: str, count: int, size: tuple[int, int]) -> None:
    images = photos(tmp_path / "photos", count, size)
    bare = min(of_loop(images, scorer) for _ in range(3))
    took = []
    outs = iter(tmp_path / f"run-{number}" for number in range(3))
    benchmark.pedantic(lambda: took.append(of_run(images, scorer, next(outs))), rounds=3)
    own = min(took) - bare
    decode = 0.0
    if scorer == "zoo.null":  # nothing to hide the decoding behind, which the bare loop is spared
        paths = sorted(images.iterdir())
        started = time.perf_counter()
        for path in paths:
            read_image(path)
        decode = (time.perf_counter() - started) / count
    benchmark.extra_info |= {
        "own cost a cell, ms": own * 1e3, "bare, ms": bare * 1e3, "share": own / bare, "decoding, ms": decode * 1e3
    }  # fmt: skip
    print(f"\n{scorer} {size}: bare {bare * 1e3:.3f} ms, own {own * 1e3:.3f} ms a cell, decoding {decode * 1e3:.3f} ms")
    if scorer == "zoo.busy":
        assert own < 0.03 * bare
    else:
        assert own - decode < 1e-3


RESUME = ("--degraders", "noise.null[k=0|1|2|3]", "--iqa", f"zoo.null[k={'|'.join(map(str, range(20)))}]")


def finished(tmp_path: Path, count: int) -> tuple[Path, Path, int]:
    """Photos, and a run folder in whose journal every cell is done."""
    images, out = photos(tmp_path / f"photos-{count}", count, (8, 8)), tmp_path / f"run-{count}"
    study = Study(images=str(images), degraders=[RESUME[1]], iqa=[RESUME[3]], out=str(out), device="cpu")
    with Store(out) as store, store.lock():
        cells = prepare(study, discover(), store, Observer()).plan.cells
        store.record(
            Outcome(cell.key, "done", 0.5 if cell.model.stage == "score" else None, 0.01, "cpu") for cell in cells
        )
    return images, out, len(cells)


PEAK = """
import atexit, sys
from pathlib import Path
from iqabench.cli.main import main
status = Path("/proc/self/status")
atexit.register(lambda: sys.stderr.write(status.read_text() if status.exists() else ""))
main()
"""


def resume(images: Path, out: Path) -> tuple[float, float]:
    """Processor seconds and peak megabytes of the real command."""
    command = [sys.executable, "-c", PEAK, "run", "--images", str(images), *RESUME, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, process.returncode, usage = os.wait4(process.pid, 0)
    assert process.returncode == 0, said
    assert "nothing to do" in said
    peak = [int(line.split()[1]) for line in said.splitlines() if line.startswith("VmHWM:")]
    return usage.ru_utime + usage.ru_stime, peak[0] / 1024 if peak else float("nan")


def test_a_finished_run_of_100_000_cells(benchmark, site: Path, tmp_path: Path) -> None:
    small_images, small_out, small = finished(tmp_path, 10)
    images, out, cells = finished(tmp_path, 1000)
    assert cells >= 100_000
    base = min(resume(small_images, small_out)[0] for _ in range(2))
    took: list[tuple[float, float]] = []
    benchmark.pedantic(lambda: took.append(resume(images, out)), rounds=3)
    seconds, megabytes = min(took)
    per_cell = (seconds - base) / (cells - small)
    benchmark.extra_info |= {"seconds": seconds, "MB": megabytes, "us a cell": per_cell * 1e6}
    print(f"\n{cells} cells done: {seconds:.2f} s, {megabytes:.0f} MB, {per_cell * 1e6:.1f} us a cell")
    assert seconds < 5
    assert not megabytes >= 500
    assert per_cell < 100e-6
