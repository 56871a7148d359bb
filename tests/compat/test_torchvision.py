"""Importing libraries beside a torchvision that does not import, with stand-ins for torchvision."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.errors import PluginError

BROKEN = """
import torch

def nms(dets, scores, iou_threshold):
    return dets

torch.library.register_fake("torchvision::nms")(nms)
"""
"""Does what torchvision's CUDA wheel does at import, where its compiled operators did not load."""
USER = "import torchvision\nready = True\n"
CALL = """
import torch
from iqabench.compat.torchvision import import_beside_torchvision

def declared():
    return any(schema.name.startswith("torchvision::") for schema in torch._C._jit_get_all_schemas())

assert not declared()
try:
    ready = import_beside_torchvision("user").ready
except RuntimeError as error:
    print("raised", error)
else:
    print("ready" if ready else "half", "declared" if declared() else "untouched")
"""


def outcome(folder: Path, torchvision: str) -> str:
    (folder / "torchvision.py").write_text(torchvision)
    (folder / "user.py").write_text(USER)
    command = f"import sys; sys.path.insert(0, {str(folder)!r})\n{textwrap.dedent(CALL)}"
    process = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_operators_are_declared_where_they_are_missing(tmp_path: Path) -> None:
    assert outcome(tmp_path, BROKEN) == "ready declared"


def test_a_whole_torchvision_is_not_touched(tmp_path: Path) -> None:
    assert outcome(tmp_path, "") == "ready untouched"


def test_other_failures_are_passed_on(tmp_path: Path) -> None:
    assert outcome(tmp_path, "raise RuntimeError('no driver')") == "raised no driver"


def test_missing_libraries_are_named() -> None:
    with pytest.raises(PluginError, match="pip install iqabench_nowhere"):
        import_beside_torchvision("iqabench_nowhere.models")
