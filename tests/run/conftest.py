from __future__ import annotations

import csv
import ctypes
import importlib.util
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from PIL import Image

from iqabench.plugins import discover

if TYPE_CHECKING:
    from iqabench.testing.subject import WeightsFactory

PLUGINS = Path(__file__).parents[2] / "plugins"
LIMIT = 240
"""Seconds after which a run in a test is given up; a busy machine takes its time."""


def hear_ctrl_c() -> None:
    """Before a command starts: take SIGINT as it comes, whatever this process does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Lab:
    """A folder with photos, plugin distributions that are installed there only, and the real command."""

    root: Path
    zoo: ModuleType
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def log(self) -> Path:
        """What models write, a line a call, through ``LOG``."""
        return self.root / "calls.log"

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def photos(self, count: int, *, size: tuple[int, int] = (40, 48), folder: str = "photos", seed: int = 0) -> Path:
        """``count`` smooth random images of (height, width) ``size``, each another."""
        random = np.random.default_rng(seed)
        where = self.root / folder
        where.mkdir(exist_ok=True)
        for index in range(count):
            coarse = (random.random((6, 6, 3)) * 255).astype(np.uint8)
            Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC).save(where / f"{index:03}.png")
        return where

    def weights(self, model: str, **params: object) -> Path:
        """A folder with made weights of an installed model: those on which its package tests its contract."""
        spec = discover().models[model].spec
        folder = self.root / "weights" / model
        folder.mkdir(parents=True)
        for name, path in _weights_factory(model)(folder, spec, spec.resolve(params)).items():
            if path != folder / name:
                shutil.copy(path, folder / name)
        return folder

    def install(
        self, kind: str, model: str, body: str, *, facts: str = "", top: str = "", setup: str = "", version: str = "1.0"
    ) -> None:
        """A plugin with one model; ``body`` may call ``LOG(text)``. ``kind`` is scorer, enhancer or degrader."""
        source = getattr(self.zoo, kind)(model, body, facts=facts, top=_TOP + top, setup=setup)
        self.zoo.install(self.site, self.zoo.distribution_of(kind, model), source, version=version)

    def _env(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.site),
            "IQABENCH_CACHE": str(self.root / "cache"),
            "ZOO_LOG": str(self.log),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
            **self.environment,
        }

    def start(self, *arguments: object, **options: object) -> subprocess.Popen[str]:
        """The command, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "iqabench", *map(str, arguments)],
            env=self._env(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # A shell without job control starts background jobs deaf to Ctrl-C, and their children inherit that.
            **{"cwd": self.root, "preexec_fn": hear_ctrl_c, **options},  # type: ignore[call-overload]
        )

    def command(self, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        """The command, to its end."""
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def python(self, source: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """A Python program that sees the installed distributions."""
        return subprocess.run(
            [sys.executable, "-c", source, *map(str, arguments)],
            cwd=self.root,
            env=self._env(),
            text=True,
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )

    def table(self, out: str | Path, *, leave_out: Sequence[str] = ("seconds", "device")) -> list[tuple[str, ...]]:
        """The rows of scores.csv exactly as written, but for some columns, in order of their content."""
        with (self.root / out / "scores.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return sorted(tuple(value for name, value in row.items() if name not in leave_out) for row in rows)

    def rows(self, out: str | Path) -> list[dict[str, str]]:
        with (self.root / out / "scores.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def manifest(self, out: str | Path) -> Mapping[str, object]:
        return json.loads((self.root / out / "manifest.json").read_text())


@cache
def _contracts(distribution: str) -> ModuleType:
    """The conformance tests of a package of this repository."""
    _, kind, name = distribution.split("-", 2)
    path = PLUGINS / (kind if kind == "iqa" else f"{kind}s") / name / "tests" / "test_conformance.py"
    spec = importlib.util.spec_from_file_location(f"{distribution}_contracts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _weights_factory(model: str) -> WeightsFactory:
    module = _contracts(discover().models[model].distribution)
    contract = next(found for found in vars(module).values() if getattr(found, "id", None) == model)
    return inspect.getattr_static(contract, "weights")


_TOP = """
import hashlib, os, time
def LOG(text):
    with open(os.environ["ZOO_LOG"], "a") as file:
        file.write(f"{text}\\n")
"""


@pytest.fixture
def lab(tmp_path: Path, zoo: ModuleType) -> Iterator[Lab]:
    found = Lab(tmp_path, zoo)
    found.site.mkdir()
    yield found
    left = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(tmp_path)]
    for process in left:
        process.kill()
    shutil.rmtree(tmp_path / "weights", ignore_errors=True)  # large, and pytest keeps what is here


@pytest.fixture
def as_anyone() -> dict[str, object]:
    """Options of ``Lab.command`` under which permissions count, for root too."""
    if os.geteuid() != 0:
        return {}
    if not sys.platform.startswith("linux"):
        pytest.skip("root, whom no permission stops")
    drop_from_bounding_set, override, read_search = 24, 1, 2
    prctl = ctypes.CDLL(None).prctl

    def give_up_powers() -> None:
        for power in (override, read_search):
            prctl(drop_from_bounding_set, power, 0, 0, 0)

    return {"preexec_fn": give_up_powers}


@pytest.fixture
def wait_until() -> Callable[..., None]:
    def wait(ready: Callable[[], object], *, seconds: float = 60) -> None:
        limit = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < limit, "waited in vain"
            time.sleep(0.002)

    return wait
