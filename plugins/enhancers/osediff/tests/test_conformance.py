"""The contract, on made weights in the official layout, of reduced networks with a tagger of six tags."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from iqabench.diffusion.folder import make_network, make_text_tower
from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.types import ParamValue
from iqabench_enhancer_osediff.config import RamConfig
from iqabench_enhancer_osediff.lora import BASE, RANK, layout, unet_adapters, vae_adapters
from iqabench_enhancer_osediff.tagger import Ram
from iqabench_enhancer_osediff.tagger import layout as dape_layout

RAM = {
    **{"image_size": 48, "embed_dim": 24, "depths": [2, 2, 2], "num_heads": [2, 2, 4], "window_size": 3},
    **{"tags": 6, "embedding": 16, "hidden": 32, "layers": 1, "intermediate": 64, "rank": 2},
}


def checkpoints(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    config = json.loads(Path(__file__).with_name("config.json").read_text())
    small = {"block_out_channels": [16] * 4, "norm_num_groups": 8, "layers_per_block": 1}
    config["unet"] |= {**small, "attention_head_dim": 2, "cross_attention_dim": 16}
    config["vae"] |= small
    config["text"] |= {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    unet, vae = make_network("UNet2DConditionModel", config["unet"]), make_network("AutoencoderKL", config["vae"])
    networks = {"unet": unet, "vae": vae, "text_encoder": make_text_tower(config["text"])}
    files = {f"{name}.safetensors": made(shapes_of(network)) for name, network in networks.items()}
    text = files.pop("text_encoder.safetensors")
    files["text_encoder.safetensors"] = {f"text_model.{k.removeprefix('text_model.')}": v for k, v in text.items()}
    found = {name: save(state, folder / name) for name, state in files.items()}
    adapters = {
        "rank_unet": RANK,
        "state_dict_unet": made(layout(shapes_of(unet), unet_adapters(shapes_of(unet)), RANK, BASE)),
        "state_dict_vae": made(layout(shapes_of(vae), vae_adapters(shapes_of(vae)), RANK)),
    }
    torch.save(adapters, folder / "osediff.pkl")
    (folder / "config.json").write_text(json.dumps({**config, "ram": RAM}))
    found |= {name: folder / name for name in ("osediff.pkl", "config.json")}
    return {**found, **tagger(folder)} if params["tags"] == "ram" else found


def tagger(folder: Path) -> dict[str, Path]:
    """Made files of a tagger of six words, and of a vocabulary that has them."""
    ram = RamConfig(**{key: tuple(value) if isinstance(value, list) else value for key, value in RAM.items()})
    state = made(shapes_of(Ram(ram)))
    for stage in (1, 2):  # in the official file, what halves the resolution ends a stage
        at = f"visual_encoder.layers.{stage}.downsample."
        state = {key.replace(at, at.replace(str(stage), str(stage - 1))): value for key, value in state.items()}
    save(state, folder / "ram_swin_large_14m.pth", wrappers=("model",))
    save(made(dape_layout(ram)), folder / "DAPE.pth")
    words = ["cat", "dog", "tree", "car", "sky", "bee"]
    (folder / "ram_tag_list.txt").write_text("\n".join(words))
    (folder / "ram_tag_list_threshold.txt").write_text("\n".join(["0.4", "0.5", "0.45", "0.55", "0.3", "0.6"]))
    letters = [chr(code) for code in range(33, 127)]
    merges = [merge for word in words for merge in merges_of(word)]
    tokens = [*letters, *(f"{each}</w>" for each in letters), *dict.fromkeys(m.replace(" ", "") for m in merges)]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    names = ("ram_swin_large_14m.pth", "DAPE.pth", "ram_tag_list.txt", "ram_tag_list_threshold.txt")
    return {name: folder / name for name in (*names, "vocab.json", "merges.txt")}


def merges_of(word: str) -> list[str]:
    """The merges that make one token of a word, from its left."""
    return [f"{word[:i]} {word[i]}{'</w>' if i == len(word) - 1 else ''}" for i in range(1, len(word))]


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: shape for key, (shape, _) in manifest_of(network).items()}


def made(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return generate({key: (shape, "float32") for key, shape in shapes.items()})


class TestOSEDiff(EnhancerContract):
    id = "sr.osediff"
    weights = checkpoints
    params: ClassVar = {"process_size": 64}


@pytest.mark.slow
class TestOSEDiffInTiles(EnhancerContract):
    id = "sr.osediff"
    weights = checkpoints
    params: ClassVar = {
        **{"process_size": 64, "tags": "cat, grass", "colour": "wavelet", "scale": 2},
        **{"tile": 64, "overlap": 16, "vae_tile": 64},
    }
