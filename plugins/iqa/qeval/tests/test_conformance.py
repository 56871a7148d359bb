"""The contract, on a tiny checkpoint in the official layout."""

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
PIECES = {piece: at for at, piece in enumerate([*MARKS, *LEVEL_WORDS])}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    network = build(CONFIG)
    state = generate({key: (value.shape, "float32") for key, value in network.state_dict().items()})
    official = {
        key.replace("model.visual.", "visual.").replace("model.language_model.", "model."): value
        for key, value in state.items()
    }
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": 12845056}))
    write_tokenizer(folder / "tokenizer.json", PIECES, MARKS)
    save(official, folder / "model.safetensors")
    return {path.name: path for path in folder.iterdir()}


class TestQeval(ScorerContract):
    id = "aigc.qeval"
    weights = checkpoint
