"""The contract, on made weights in the official layout and in pyiqa's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue

WRAPPERS = {"koniq_pretrained.pkl": (), "HyperIQA-resnet50-koniq10k-c96c41b1.pth": ("params",)}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    (file,) = spec.needed_weights(params)
    manifest = read_manifest(Path(__file__).with_name("manifest.json"), file.name)
    return {file.name: save(generate(manifest), folder / file.name, wrappers=WRAPPERS[file.name])}


class TestHyperIqa(ScorerContract):
    id = "ugc.hyperiqa"
    weights = checkpoint


class TestPyiqa(ScorerContract):
    id = "ugc.hyperiqa"
    params: ClassVar = {"weights": "koniq-pyiqa", "crops": 2}
    weights = checkpoint
