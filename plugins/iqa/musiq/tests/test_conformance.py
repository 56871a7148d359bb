"""The contract, on made weights in the authors' layout and in pyiqa's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue

MANIFEST = Path(__file__).with_name("manifest.json")


def as_released(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    (file,) = spec.needed_weights(params)
    arrays = {key: value.numpy() for key, value in generate(read_manifest(MANIFEST, "koniq_ckpt.npz")).items()}
    np.savez(folder / file.name, **arrays)
    return {file.name: folder / file.name}


def as_converted(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    (file,) = spec.needed_weights(params)
    state = generate(read_manifest(MANIFEST, "musiq_koniq_ckpt-e95806b9.pth"))
    return {file.name: save(state, folder / file.name)}


class TestMusiq(ScorerContract):
    id = "ugc.musiq"
    weights = as_released


class TestConverted(ScorerContract):
    id = "ugc.musiq"
    params: ClassVar = {"preprocess": "pyiqa"}
    weights = as_converted
