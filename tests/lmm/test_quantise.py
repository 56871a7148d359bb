"""Fewer bits a weight, where bitsandbytes is installed; a clear word where it is not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from iqabench.errors import PluginError
from iqabench.lmm.qwen2vl import load
from iqabench.testing.images import natural


def test_without_bitsandbytes_the_command_is_said(folder: Path, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(PluginError, match="pip install bitsandbytes"):
        load(context({path.name: path for path in folder.iterdir()}, bits=8))


@pytest.mark.parametrize(("bits", "drift"), [(8, 0.05), (4, 0.5)])
def test_the_language_model_alone_is_quantised(folder: Path, context: Any, bits: int, drift: float) -> None:
    pytest.importorskip("bitsandbytes")
    files = {path.name: path for path in folder.iterdir()}
    hidden = []
    for width in (16, bits):
        model = load(context(files, bits=width))
        with torch.inference_mode():
            hidden.append(model.prompt("How good?").read(model.vision(natural(1, 56, 56))).hidden)
    network: Any = model.network
    plain = [name for name, module in network.named_modules() if type(module) is nn.Linear]
    assert plain
    assert not any("language_model" in name for name in plain)
    assert network.model.language_model.layers[0].self_attn.q_proj.weight.dtype in (torch.int8, torch.uint8)
    difference = (hidden[1] - hidden[0]).norm() / hidden[0].norm()
    assert 1e-5 < float(difference) < drift
