"""The contract, on a tiny checkpoint in the official layout that can only answer with a number."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqabench.lmm.qwen2vl import END_MARKS, LEVEL_WORDS, build
from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, save
from iqabench.testing.tokenizers import write_tokenizer
from iqabench.types import ParamValue

CONFIG = {
    "vision_config": {"depth": 1, "embed_dim": 32, "hidden_size": 48, "num_heads": 2, "mlp_ratio": 2},
    "text_config": {
        "vocab_size": 160,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 4, 4]},
    },
}
MARKS = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", *END_MARKS)
NUMBERS = [f"{grade}.\n" for grade in range(1, 6)]
PIECES = {piece: at for at, piece in enumerate([*NUMBERS, *MARKS, *LEVEL_WORDS])}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    network = build(CONFIG)
    state = generate({key: (value.shape, "float32") for key, value in network.state_dict().items()})
    if not spec.id.endswith("-levels"):
        head = state["lm_head.weight"]
        head[len(NUMBERS) :] = 0
        head[1], head[3] = -head[0], -head[2]  # so that one of the numbers is always likelier than the rest
    official = {
        key.replace("model.visual.", "visual.").replace("model.language_model.", "model."): value
        for key, value in state.items()
    }
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": 12845056}))
    write_tokenizer(folder / "tokenizer.json", PIECES, MARKS)
    save(official, folder / "model.safetensors")
    return {path.name: path for path in folder.iterdir()}


class TestUgc(ScorerContract):
    id = "ugc.qwen2vl"
    weights = checkpoint


class TestAigc(ScorerContract):
    id = "aigc.qwen2vl"
    weights = checkpoint


class TestMixed(ScorerContract):
    id = "mixed.qwen2vl"
    weights = checkpoint


class TestUgcLevels(ScorerContract):
    id = "ugc.qwen2vl-levels"
    weights = checkpoint


class TestAigcLevels(ScorerContract):
    id = "aigc.qwen2vl-levels"
    weights = checkpoint


class TestMixedLevels(ScorerContract):
    id = "mixed.qwen2vl-levels"
    weights = checkpoint
