"""The contract, on made weights in the official layout, of reduced networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, save
from iqabench.types import ParamValue
from iqabench.weights.config import read_config
from iqabench_enhancer_supir.checkpoint import layout
from iqabench_enhancer_supir.config import Config


def checkpoints(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    path = Path(__file__).with_name("config_small.json")
    config = read_config(path, Config)
    _, base, own = (file.name for file in spec.needed_weights(params))
    return {
        "config.json": path,
        base: save(generate(layout(config, base=True)), folder / base),
        own: save(generate(layout(config, base=False)), folder / own, wrappers=("state_dict",)),
    }


class TestSuperResolution(EnhancerContract):
    id = "sr.supir"
    weights = checkpoints
    params = {"steps": 1}


class TestDenoising(EnhancerContract):
    id = "dn.supir"
    weights = checkpoints
    params = {"steps": 2, "variant": "F", "restoration": 4.0}


@pytest.mark.slow
class TestInTiles(EnhancerContract):
    id = "sr.supir"
    weights = checkpoints
    params = {"steps": 2, "scale": 2, "vae_tile": 64, "tile": 64, "colour": "adain", "strength": 0.8}
