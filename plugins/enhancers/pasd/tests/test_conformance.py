"""The contract, on made weights in the official layout, of reduced networks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from iqabench.diffusion.folder import make_network, make_text_tower
from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.types import ParamValue
from iqabench_enhancer_pasd.network import PixelAwareUNet, make_control


def checkpoints(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    config = json.loads(Path(__file__).with_name("config.json").read_text())
    small = {"block_out_channels": [16] * 4, "norm_num_groups": 8, "layers_per_block": 1}
    config["unet"] |= {**small, "attention_head_dim": 2, "cross_attention_dim": 16}
    config["vae"] |= small
    config["text"] |= {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(config))
    networks = {
        "unet": PixelAwareUNet(config["unet"]),
        "controlnet": make_control(config["unet"]),
        "vae": make_network("AutoencoderKL", config["vae"]),
        "text_encoder": make_text_tower(config["text"]),
    }
    states = {name: generate(manifest_of(network)) for name, network in networks.items()}
    text = states["text_encoder"].items()
    states["text_encoder"] = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in text}
    found = {f"{name}.safetensors": save(state, folder / f"{name}.safetensors") for name, state in states.items()}
    return {**found, "config.json": folder / "config.json"}


# One evaluation is held to account in test_parity.py.
WAIVERS = {"cuda": "sampling with made weights is chaotic: it turns a last bit into a tenth"}


class TestSuperResolution(EnhancerContract):
    id = "sr.pasd"
    weights = checkpoints
    waivers = WAIVERS
    params: ClassVar = {"steps": 2, "process_size": 64}


@pytest.mark.slow
class TestDenoising(EnhancerContract):
    id = "dn.pasd"
    weights = checkpoints
    waivers = WAIVERS
    params: ClassVar = {"steps": 3, "process_size": 96, "tile": 64, "overlap": 16, "vae_tile": 64, "start": "noise"}
