"""A tiny Qwen2-VL in the layout of the hub, for what all large multimodal scorers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from iqabench.lmm.qwen2vl import Qwen2VL, load
from iqabench.testing.qwen2vl import tiny_state, write_qwen2vl
from iqabench.types import LoadContext


@pytest.fixture(scope="session")
def state() -> dict[str, Tensor]:
    """With the official names."""
    return tiny_state()


@pytest.fixture
def folder(tmp_path: Path, state: Mapping[str, Tensor]) -> Path:
    """A whole checkpoint in one file."""
    made = tmp_path / "checkpoint"
    made.mkdir()
    write_qwen2vl(made, state)
    return made


def context_of(weights: Mapping[str, Path], **params: Any) -> LoadContext:
    return LoadContext(
        device=torch.device("cpu"),
        dtype=torch.float32,
        weights=weights,
        params={"bits": 16, "max_pixels": 0, **params},
    )


@pytest.fixture(scope="session")
def context() -> Callable[..., LoadContext]:
    """What a loader is given, from files and parameters."""
    return context_of


@pytest.fixture
def model(folder: Path) -> Qwen2VL:
    return load(context_of({path.name: path for path in folder.iterdir()}))
