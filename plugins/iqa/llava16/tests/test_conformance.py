"""The contract, on a tiny checkpoint in the official layout that can only write numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, save
from iqabench.testing.tokenizers import write_tokenizer
from iqabench.types import ParamValue
from iqabench_iqa_llava16.model import build

CONFIG = {
    "vision_config": {
        "model_type": "clip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
    },
    "text_config": {
        "model_type": "mistral",
        "vocab_size": 160,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "sliding_window": None,
    },
    "image_grid_pinpoints": [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]],
    "image_token_index": 7,
}
NUMBERS = [f"{grade}.\n" for grade in range(1, 6)]
MARKS = ("<s>", "</s>", "<image>")
PIECES = {piece: at for at, piece in enumerate([*NUMBERS, *MARKS])}
OFFICIAL = (
    ("model.language_model.", "language_model.model."),
    ("lm_head.", "language_model.lm_head."),
    ("model.vision_tower.", "vision_tower.vision_model."),
    ("model.", ""),
)


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    shapes = {key: (value.shape, "float32") for key, value in build(CONFIG).state_dict().items()}
    state = generate(shapes)
    head = state["lm_head.weight"]
    head[len(NUMBERS) :] = 0
    head[1], head[3] = -head[0], -head[2]  # so that one of the numbers is always likelier than the rest
    official = {}
    for key, value in state.items():
        old, new = next(pair for pair in OFFICIAL if key.startswith(pair[0]))
        official[f"{new}{key.removeprefix(old)}"] = value
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "preprocessor_config.json").write_text("{}")
    write_tokenizer(folder / "tokenizer.json", PIECES, MARKS, prefix=" ")
    save(official, folder / "model.safetensors")
    return {path.name: path for path in folder.iterdir()}


class TestUgc(ScorerContract):
    id = "ugc.llava16"
    weights = checkpoint


class TestAigc(ScorerContract):
    id = "aigc.llava16"
    weights = checkpoint


class TestMixed(ScorerContract):
    id = "mixed.llava16"
    weights = checkpoint
