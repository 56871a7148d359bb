"""The contract, on a small network of the same layout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iqabench.diffusion.ldm import official_keys
from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, save
from iqabench.types import ParamValue
from iqabench.weights.config import read_config
from iqabench_enhancer_lightendiff.config import Config
from iqabench_enhancer_lightendiff.network import LightenDiffusion
from iqabench_enhancer_lightendiff.unet import official_sources

SMALL = {"channels": 8, "unet_channels": 32, "unet_multipliers": [1, 1, 2, 2], "unet_blocks": 1}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    config = folder / "config.json"
    config.write_text(json.dumps(SMALL), encoding="utf-8")
    with torch.device("meta"):
        network = LightenDiffusion(read_config(config, Config))
    keys = official_keys(network, official_sources)
    state = generate({key: (shape, "float32") for key, shape in keys.items()})
    path = save(state, folder / "stage2_weight.pth.tar", wrappers=("state_dict",), prefix="module.")
    return {"config.json": config, "stage2_weight.pth.tar": path}


class TestLightenDiffusion(EnhancerContract):
    id = "lle.lightendiff"
    weights = checkpoint
