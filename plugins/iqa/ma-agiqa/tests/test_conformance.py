"""The contract, on made weights of reduced networks in the official layouts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.testing.mplug_owl2 import write_owl
from iqabench.types import ParamValue
from iqabench.weights.config import read_config
from iqabench_iqa_ma_agiqa.config import Config
from iqabench_iqa_ma_agiqa.model import FILES
from iqabench_iqa_ma_agiqa.network import MaAgiqa

HERE = Path(__file__).parent
PIECES = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))
TINY = json.loads((HERE / "config.json").read_text()) | {"vocab_size": 320}
NUMBERED = {piece: 259 + at for at, piece in enumerate(PIECES)}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    write_owl(folder, TINY, NUMBERED)
    network = MaAgiqa.empty(read_config(HERE / "reduced.json", Config))
    save(generate(manifest_of(network)), folder / FILES[str(params["weights"])])
    return {"ma-agiqa.json": HERE / "reduced.json"} | {path.name: path for path in folder.iterdir()}


class TestMaAgiqa(ScorerContract):
    id = "aigc.ma-agiqa"
    weights = checkpoint


class TestOtherTrainingSet(ScorerContract):
    id = "aigc.ma-agiqa"
    params: ClassVar = {"weights": "aigcqa-20k"}
    weights = checkpoint
