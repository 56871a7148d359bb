"""Miniature datasets: real image files of a few pixels, each unlike the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iqabench.datasets import DatasetSpec
from iqabench.datasets.builtin import iqabench_datasets

Draw = Callable[..., Path]


@pytest.fixture
def draw(tmp_path) -> Draw:
    """``draw("a/b.png", ...)`` writes an image under each name below ``tmp_path``, which it returns."""
    count = 0

    def write(*names: str) -> Path:
        nonlocal count
        for name in names:
            count += 1
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(count).integers(0, 256, (8, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        return tmp_path

    return write


@pytest.fixture
def write(tmp_path) -> Callable[[str, str], Path]:
    """``write("a/b.csv", text)`` writes a file below ``tmp_path`` and returns its path."""

    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return put


@pytest.fixture
def specs() -> dict[str, DatasetSpec]:
    return {spec.name: spec for spec in iqabench_datasets()}
