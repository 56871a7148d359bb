"""A tiny Qwen2-VL in the layout of the hub, for what all large multimodal scorers share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from iqabench.lmm.qwen2vl import END_MARKS, LEVEL_WORDS, Qwen2VL, build, load
from iqabench.testing.checkpoints import generate, save
from iqabench.testing.tokenizers import write_tokenizer
from iqabench.types import LoadContext

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


@pytest.fixture(scope="session")
def state() -> dict[str, Tensor]:
    """With the official names."""
    found = generate({key: (value.shape, "float32") for key, value in build(CONFIG).state_dict().items()})
    return {
        key.replace("model.visual.", "visual.").replace("model.language_model.", "model."): value
        for key, value in found.items()
    }


@pytest.fixture
def folder(tmp_path: Path, state: Mapping[str, Tensor]) -> Path:
    """A whole checkpoint in one file."""
    made = tmp_path / "checkpoint"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    (made / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": 12845056}))
    write_tokenizer(made / "tokenizer.json", {piece: at for at, piece in enumerate((*MARKS, *LEVEL_WORDS))}, MARKS)
    save(state, made / "model.safetensors")
    return made


def context_of(weights: Mapping[str, Path], **params: Any) -> LoadContext:
    return LoadContext(
        device=torch.device("cpu"),
        dtype=torch.float32,
        weights=weights,
        params={"bits": 16, "max_pixels": 0, **params},
    )


@pytest.fixture(scope="session")
def context() -> Callable[..., LoadContext]:
    """What a loader is given, from files and parameters."""
    return context_of


@pytest.fixture
def model(folder: Path) -> Qwen2VL:
    return load(context_of({path.name: path for path in folder.iterdir()}))
