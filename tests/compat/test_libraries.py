"""Importing the libraries of large models, with stand-ins for them and for torchvision."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from iqabench.compat.libraries import import_library, library_class
from iqabench.errors import PluginError

HIDING = """
try:
    import torchvision
except Exception as error:
    raise ImportError("torchvision cannot be used") from error

class Network:
    pass
"""
"""Does what transformers and diffusers do where torchvision fails: the reason is lost."""
BROKEN = """
import torch

torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: dets)
"""
CALL = """
from iqabench.compat.libraries import library_class

print(library_class("hiding", "Network").__name__)
"""


def test_a_library_that_hides_why_torchvision_fails(tmp_path: Path) -> None:
    (tmp_path / "torchvision.py").write_text(BROKEN)
    (tmp_path / "hiding.py").write_text(HIDING)
    command = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{textwrap.dedent(CALL)}"
    process = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert process.stdout.strip() == "Network", process.stderr


def test_a_library_without_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alone.py").write_text("class Network:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("iqabench.compat.libraries.find_spec", lambda name: None)
    network = library_class("alone", "Network")
    assert network is import_library("alone").Network


def test_a_missing_library_is_named() -> None:
    with pytest.raises(PluginError, match="iqabench_nowhere is not installed") as caught:
        library_class("iqabench_nowhere.models", "Network")
    assert caught.value.hint == "Run: pip install iqabench_nowhere"
