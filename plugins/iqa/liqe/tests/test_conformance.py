"""The contract, on made weights in half precision, in which LIQE's training keeps its networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue

WRAPPERS = {"LIQE.pt": (), "liqe_koniq.pt": ("params",)}
PREFIXES = {"LIQE.pt": "", "liqe_koniq.pt": "clip_model."}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    manifest = read_manifest(Path(__file__).with_name("manifest.json"))
    state = generate({key: (shape, "float16") for key, (shape, _) in manifest.items()})
    (file,) = spec.needed_weights(params)
    return {file.name: save(state, folder / file.name, wrappers=WRAPPERS[file.name], prefix=PREFIXES[file.name])}


class TestLiqe(ScorerContract):
    id = "ugc.liqe"
    weights = checkpoint


class TestKoniq(ScorerContract):
    id = "ugc.liqe"
    params: ClassVar = {"weights": "koniq", "preprocess": "pyiqa"}
    weights = checkpoint
