"""The contract, on made weights in the official layouts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue

MANIFEST = Path(__file__).with_name("manifest.json")


def checkpoints(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    """The regressor as a plain state, which is read too; ``test_torchscript`` makes the official archives."""
    encoder, regressor = spec.needed_weights(params)
    parts = {encoder.name: encoder.name, regressor.name: "regressor"}
    return {name: save(generate(read_manifest(MANIFEST, part)), folder / name) for name, part in parts.items()}


class TestArniqa(ScorerContract):
    id = "ugc.arniqa"
    weights = checkpoints


class TestWhole(ScorerContract):
    id = "ugc.arniqa"
    params: ClassVar = {"weights": "live", "preprocess": "pyiqa"}
    weights = checkpoints
