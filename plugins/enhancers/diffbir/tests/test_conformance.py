"""The contract, on made weights in the official layout, of reduced networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, save
from iqabench.types import ParamValue
from iqabench.weights.config import read_config
from iqabench_enhancer_diffbir.config import Config
from iqabench_enhancer_diffbir.layout import layout


def checkpoints(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    path = Path(__file__).with_name("config_small.json")
    config = read_config(path, Config)
    names = [file.name for file in spec.needed_weights(params) if file.name != "config.json"]
    return {
        "config.json": path,
        **{name: save(generate(layout(config, name)), folder / name, wrappers=("state_dict",)) for name in names},
    }


class TestSuperResolution(EnhancerContract):
    id = "sr.diffbir"
    weights = checkpoints
    params = {"steps": 1}


class TestDenoising(EnhancerContract):
    id = "dn.diffbir"
    weights = checkpoints
    params = {"version": "v2", "steps": 2}


@pytest.mark.slow
class TestSuperResolutionOfThePaper(EnhancerContract):
    id = "sr.diffbir"
    weights = checkpoints
    params = {"version": "v2", "steps": 2, "scale": 2}


@pytest.mark.slow
class TestDenoisingNow(EnhancerContract):
    id = "dn.diffbir"
    weights = checkpoints
    params = {"steps": 3, "vae_tile": 64, "tile": 64, "cleaner_tile": 64}
