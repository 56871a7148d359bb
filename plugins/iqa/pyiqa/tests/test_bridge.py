"""The bridge in processes of their own, which find a small pyiqa, none, or a broken one; and beside the real one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import iqabench
from iqabench.plugins import discover
from iqabench.testing.images import natural, with_noise

TABLE = """
from collections import OrderedDict
DEFAULT_CONFIGS = OrderedDict({
    'mean_level': {'metric_opts': {'type': 'Mean'}, 'metric_mode': 'NR', 'score_range': '0, 1'},
    'difference': {'metric_opts': {'type': 'L1'}, 'metric_mode': 'FR', 'lower_better': True, 'score_range': '0, 1'},
    'remote': {'metric_opts': {'type': 'Remote'}, 'metric_mode': 'NR', 'score_range': '0, 1'},
    'refused': {'metric_opts': {'type': 'Refused'}, 'metric_mode': 'NR', 'score_range': '0, 1'},
    'unfit': {'metric_opts': {'type': 'Unfit'}, 'metric_mode': 'NR', 'score_range': '0, 1'},
    'map': {'metric_opts': {'type': 'Map'}, 'metric_mode': 'NR', 'score_range': '0, 1'},
})
"""
PYIQA = """
import urllib.error, urllib.request
import torch

def create_metric(name, device=None):
    print("Downloading what is on no report")
    if name == "remote":
        urllib.request.urlopen("https://weights.example/net.pth")
    if name == "refused":
        raise urllib.error.URLError("connection refused")
    if name == "unfit":
        assert name is None, "a bad checkpoint"
    torch.nn.Linear(1, 1).requires_grad_(True)
    if name == "map":
        return lambda image: image[:, :1]
    if name == "difference":
        return lambda image, reference: (image - reference).abs().mean().reshape(1, 1)

    def mean(image):
        assert len(image) == 1, "one at a time"
        return image.mean(dim=(1, 2, 3)).view(1, 1)

    return mean
"""
DECLARE = """
import json, sys
from iqabench.plugins import discover
found = discover()
ids = [name for name in found.models if name.startswith("pyiqa.")]
problems = [str(problem) for problem in found.problems]
print(json.dumps([ids, problems, sorted({"torch", "pyiqa"} & set(sys.modules))]))
"""
SCORE = """
import json, torch, iqabench
images = torch.linspace(0, 1, 3)[:, None, None, None].expand(3, 3, 8, 8)
print(json.dumps([
    iqabench.load("pyiqa.mean-level")(images).tolist(),
    iqabench.load("pyiqa.difference")(images, images.flip(0)).tolist(),
]))
"""
FAIL = """
import sys, torch, iqabench
from iqabench.errors import IqabenchError
try:
    iqabench.load(sys.argv[1])(torch.zeros(1, 3, 8, 8))
except IqabenchError as error:
    print(type(error).__name__, error)
"""


def run(folder: Path, program: str, *arguments: str, **environment: str) -> str:
    """What ``program`` prints in a process that looks into ``folder`` first, and finds no other pyiqa."""
    process = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def install(folder: Path, table: str = TABLE) -> Path:
    (folder / "pyiqa").mkdir()
    (folder / "pyiqa/__init__.py").write_text(PYIQA)
    (folder / "pyiqa/default_model_configs.py").write_text(table)
    return folder


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("fake"))


def test_declares_without_importing(fake: Path) -> None:
    ids, problems, imported = json.loads(run(fake, DECLARE))
    wanted = ["difference", "map", "mean-level", "refused", "remote", "unfit"]
    assert (ids, problems, imported) == ([f"pyiqa.{name}" for name in wanted], [], [])


@pytest.mark.skipif(importlib.util.find_spec("pyiqa") is not None, reason="pyiqa is installed")
def test_without_pyiqa_nothing_is_declared(tmp_path: Path) -> None:
    """Nor with a mere folder of that name, as in a checkout of this package."""
    (tmp_path / "pyiqa").mkdir()
    assert json.loads(run(tmp_path, DECLARE)) == [[], [], []]


def test_a_table_of_another_form_is_a_named_problem(tmp_path: Path) -> None:
    ids, problems, _ = json.loads(run(install(tmp_path, "DEFAULT_CONFIGS = load()"), DECLARE))
    (problem,) = problems
    assert ids == []
    assert "iqabench-iqa-pyiqa" in problem
    assert "table of metrics" in problem


def test_scores(fake: Path) -> None:
    """One image at a time; nothing that pyiqa prints gets between the results."""
    assert json.loads(run(fake, SCORE)) == [[0, 0.5, 1], [1, 0, 1]]


@pytest.mark.parametrize(
    ("model", "offline", "expected"),
    [
        ("pyiqa.remote", "1", "WeightsMissing pyiqa.remote: pyiqa has not downloaded its weights yet"),
        ("pyiqa.refused", "", "DownloadError pyiqa.refused: pyiqa could not get its weights"),
        (
            "pyiqa.unfit",
            "",
            "ModelError pyiqa.unfit: pyiqa could not make this metric: AssertionError: a bad",
        ),
        ("pyiqa.map", "1", "ModelError pyiqa's map gave a tensor (1, 1, 8, 8) for one image"),
    ],
)
def test_failures_are_one_sentence(fake: Path, model: str, offline: str, expected: str) -> None:
    assert run(fake, FAIL, model, IQABENCH_OFFLINE=offline, HF_HUB_OFFLINE="").startswith(expected)


def test_a_pyiqa_that_does_not_import(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "pyiqa/__init__.py").write_text("import facexlib_of_another_planet")
    told = run(tmp_path, FAIL, "pyiqa.map")
    assert told.startswith("PluginError pyiqa cannot be imported: facexlib_of_another_planet is not installed.")
    assert "pip install iqabench-iqa-pyiqa[pyiqa]" in told


@pytest.fixture(scope="module")
def real() -> Any:
    if importlib.util.find_spec("pyiqa") is None:
        pytest.skip("pyiqa is not installed")
    from iqabench.compat.torchvision import import_beside_torchvision

    try:
        return import_beside_torchvision("pyiqa")
    except ImportError as error:
        pytest.skip(f"pyiqa does not import here: {error}")


def test_every_metric_of_pyiqa_is_there(real: Any) -> None:
    declared = {
        spec.params[0].default: spec for name, found in discover().models.items()
        if name.startswith("pyiqa.") and (spec := found.spec)
    }  # fmt: skip
    left_out = set(real.list_models()) - set(declared)
    assert set(declared) <= set(real.list_models())
    assert {"fid", "clipscore"} <= left_out
    assert len(left_out) < 10
    assert {name for name, spec in declared.items() if spec.reference} <= set(real.list_models("FR"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["psnr", "ssim", "gmsd", "entropy"])
def test_scores_are_those_of_pyiqa(real: Any, name: str) -> None:
    reference = natural(2, 96, 128)
    images = with_noise(reference, 20)
    bridge: Any = iqabench.load(f"pyiqa.{name}")
    metric = real.create_metric(name, device="cpu")
    given = (images, reference) if bridge.spec.reference else (images,)
    with torch.inference_mode():
        expected = metric(*given).flatten()
    torch.testing.assert_close(bridge(*given), expected.float(), rtol=1e-5, atol=1e-6)
