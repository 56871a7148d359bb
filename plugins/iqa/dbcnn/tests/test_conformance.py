"""The contract, on made weights in the released layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    (file,) = spec.needed_weights(params)
    state = generate(read_manifest(Path(__file__).with_name("manifest.json")))
    return {file.name: save(state, folder / file.name, wrappers=("params",))}


class TestDbcnn(ScorerContract):
    id = "ugc.dbcnn"
    weights = checkpoint
