"""The contract, on made weights in the official layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    (file,) = spec.needed_weights(params)
    manifest = read_manifest(Path(__file__).with_name("manifest.json"))
    return {file.name: save(generate(manifest), folder / file.name)}


class TestMaskedDenoising(EnhancerContract):
    id = "dn.maskdn"
    weights = checkpoint
