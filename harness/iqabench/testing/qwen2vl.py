"""Tiny checkpoints of Qwen2-VL in the official layout, for the tests of the scorers that rest on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqabench.lmm.levels import CAPITAL_LEVELS
from iqabench.lmm.qwen2vl import END_MARKS, build
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.testing.tokenizers import write_tokenizer

if TYPE_CHECKING:
    from torch import Tensor

CONFIG: dict[str, Any] = {
    "vision_config": {"depth": 1, "embed_dim": 32, "hidden_size": 96, "num_heads": 2, "mlp_ratio": 2},
    "text_config": {
        "vocab_size": 160,
        "hidden_size": 96,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,  # torch misreads the keys of a single one on CUDA (pytorch issue 191937)
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 4, 4]},
    },
}
MARKS = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", *END_MARKS)
NUMBERS = [f"{grade}.\n" for grade in range(1, 6)]
PIECES = {piece: at for at, piece in enumerate([*NUMBERS, *MARKS, *CAPITAL_LEVELS])}


def tiny_state(*, numbers: bool = False) -> dict[str, Tensor]:
    """A state under the official names; with ``numbers`` it can write nothing but numbers from 1 to 5."""
    state = generate(manifest_of(build(CONFIG)))
    if numbers:
        head = state["lm_head.weight"]
        head[len(NUMBERS) :] = 0
        head[1], head[3] = -head[0], -head[2]  # so that one of the numbers is always likelier than the rest
    return {
        key.replace("model.visual.", "visual.").replace("model.language_model.", "model."): value
        for key, value in state.items()
    }


def write_qwen2vl(folder: Path, state: Mapping[str, Tensor]) -> dict[str, Path]:
    """A checkpoint of a tiny ``state`` in one file, and what goes with it, by name."""
    write_companions(folder, CONFIG, PIECES)
    save(state, folder / "model.safetensors")
    return {path.name: path for path in folder.iterdir()}


def write_companions(
    folder: Path, config: Mapping[str, Any], pieces: Mapping[str, int], *, max_pixels: int = 12845056
) -> None:
    """What goes with the weights: ``config.json``, ``preprocessor_config.json`` and ``tokenizer.json``."""
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": max_pixels}))
    marks = [piece for piece in pieces if piece.startswith("<|")]
    write_tokenizer(folder / "tokenizer.json", pieces, marks)
