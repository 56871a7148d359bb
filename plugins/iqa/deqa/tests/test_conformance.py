"""The contract, on tiny checkpoints in the official layouts: all weights tuned, and an adapter on the base."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from iqabench.lmm.mplug_owl2.declaring import BASE_SHARDS
from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, save
from iqabench.testing.mplug_owl2 import split_into_shards, write_owl
from iqabench.types import ParamValue

HERE = Path(__file__).parent
PIECES = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))
TINY = json.loads((HERE / "config.json").read_text()) | {"vocab_size": 320}
NUMBERED = {piece: 259 + at for at, piece in enumerate(PIECES)}
ADAPTED = ("q_proj", "v_proj.multiway.1")


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    write_owl(folder, TINY, NUMBERED)
    if params["weights"] == "lora-mix3":
        write_adapter(folder)
        split_into_shards(folder, list(BASE_SHARDS))
    return {path.name: path for path in folder.iterdir()}


def write_adapter(folder: Path) -> None:
    """LoRA of rank 4, and the abstractor's last layer, as the training code saves them."""
    width, layers = TINY["hidden_size"], range(TINY["num_hidden_layers"])
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": list(ADAPTED)}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    modules = [f"base_model.model.model.layers.{layer}.self_attn.{part}" for layer in layers for part in ADAPTED]
    shapes = {"lora_A": (4, width), "lora_B": (width, 4)}
    manifest = {f"{name}.{part}.weight": (shape, "float32") for name in modules for part, shape in shapes.items()}
    save(generate(manifest), folder / "adapter_model.bin")
    last = "base_model.model.model.visual_abstractor.visual_fc"
    rest = {f"{last}.weight": torch.eye(width), f"{last}.bias": torch.ones(width)}
    save(rest, folder / "non_lora_trainables.bin")


class TestDeqa(ScorerContract):
    id = "ugc.deqa"
    weights = checkpoint


class TestAdapter(ScorerContract):
    id = "ugc.deqa"
    params: ClassVar = {"weights": "lora-mix3"}
    weights = checkpoint
    waivers: ClassVar = {
        "other_keys_are_refused": "non_lora_trainables.bin replaces whichever weights it holds; it may hold fewer"
    }
