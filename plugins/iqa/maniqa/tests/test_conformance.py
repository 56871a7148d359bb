"""The contract, on made weights of a reduced network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.types import ParamValue

HERE = Path(__file__).parent


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    (name,) = (file.name for file in spec.needed_weights(params) if file.name != "config.json")
    state = generate(read_manifest(HERE / "manifest.json", "reduced"))
    wrappers = ("params",) if params["weights"] == "pipal" else ()
    return {"config.json": HERE / "reduced.json", name: save(state, folder / name, wrappers=wrappers)}


class TestManiqa(ScorerContract):
    id = "ugc.maniqa"
    params: ClassVar = {"crops": 3}
    weights = checkpoint


class TestGrid(ScorerContract):
    id = "ugc.maniqa"
    params: ClassVar = {"weights": "pipal", "preprocess": "pyiqa", "crops": 3}
    weights = checkpoint
    waivers: ClassVar = {"seed": "with preprocess=pyiqa the crops lie on a grid, and nothing is drawn"}
