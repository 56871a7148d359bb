"""Against outputs of the official code, recorded with the same made weights and images.

Two reduced networks: in ``hd32`` the width of a head is no power of four, so that the scale of the attention is not
exact in floating point. Prompt and levels are made-up tokens.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from iqabench.errors import KeysMismatch, WeightsError
from iqabench.lmm.checkpoints import fill
from iqabench.lmm.decoding import Language, Prompt
from iqabench.lmm.levels import expected_grade
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest
from iqabench.testing.recorded import picture, read_outputs
from iqabench_iqa_internvl2.model import Vision
from iqabench_iqa_internvl2.network import build, convert
from iqabench_iqa_internvl2.tiles import cut, grid

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "recorded.npz")
CONFIGS = json.loads((HERE / "configs.json").read_text())
BEFORE, AFTER, LEVELS = (RECORDED[name].tolist() for name in ("prefix_ids", "suffix_ids", "level_ids"))
SIZES = [((56, 56), (1, 1)), ((60, 84), (4, 3)), ((97, 51), (1, 2)), ((300, 451), (3, 2)), ((500, 500), (1, 1))]


@cache
def made(name: str, seed: int) -> dict[str, Tensor]:
    return generate(read_manifest(HERE / "manifest.json", name), seed, fill=recorded.fill)


@pytest.mark.parametrize(("name", "seed"), [("small", 0), ("small", 1), ("hd32", 0), ("hd32", 1)])
def test_every_stage(name: str, seed: int) -> None:
    """Tiles, features, all logits, those of the levels, and the score."""
    network = build(CONFIGS[name])
    fill(network, convert(made(name, seed), CONFIGS[name], "made"), "made")
    vision, asked = Vision(network.model, CONFIGS[name], most=12), Prompt(Language.of(network), BEFORE, AFTER)
    for at, size in enumerate(RECORDED[f"{name}_sizes"].tolist()):
        if RECORDED[f"{name}_seeds"][at] != seed:
            continue
        images = picture(*size)
        with torch.inference_mode():
            sight = vision(images)
            read = asked.read(sight)
            levels = asked.level_logits(read, LEVELS)
        assert sight.embeddings.shape[1] == vision.tokens(*images.shape[-2:])
        near(levels[0], RECORDED[f"{name}_level_logits"][at])
        near(expected_grade(levels)[0], RECORDED[f"{name}_score"][at])
        if f"{name}_pixels_{at}" in RECORDED:
            near(vision.tiles(images)[0, :, :, ::9, ::11], RECORDED[f"{name}_pixels_{at}"])
            near(sight.embeddings[0, ::3], RECORDED[f"{name}_features_{at}"])
            with torch.inference_mode():
                near(network.lm_head(read.hidden)[0], RECORDED[f"{name}_logits_{at}"])


def near(value: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-5)


def test_the_official_checkpoint_fits_key_for_key() -> None:
    """The full-size network on the meta device, its configuration as that of InternVL2-8B."""
    official = read_manifest(HERE / "manifest.json", "official")
    state = {key: torch.empty(shape, dtype=torch.bfloat16, device="meta") for key, (shape, _) in official.items()}
    config = {
        "vision_config": {**CONFIGS["small"]["vision_config"], **OFFICIAL_VISION},
        "llm_config": {**CONFIGS["small"]["llm_config"], **OFFICIAL_LANGUAGE},
    }
    network = build(config)
    own = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in convert(state, config, "official").items()} == own
    assert sum(value.numel() for value in state.values()) == 8075365376


OFFICIAL_VISION = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 448,
}
OFFICIAL_LANGUAGE = {
    "vocab_size": 92553,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 32768,
}


@pytest.mark.parametrize(("size", "shape"), SIZES, ids=str)
def test_grid(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert grid(*size, 448 if size[0] == 500 else 56, 12) == shape


def test_tiles_are_the_image_row_by_row_and_the_whole() -> None:
    images = picture(112, 168, 0)
    tiles = cut(images, 56, 12)
    assert tiles.shape == (1, 7, 3, 56, 56)
    torch.testing.assert_close(tiles[0, 4], images[0, :, 56:, 56:112])
    assert cut(images, 56, 12, thumbnail=False).shape[1] == 6
    assert cut(images, 56, 1).shape[1] == 1


def test_a_matrix_of_another_shape_is_named() -> None:
    state = dict(made("small", 0))
    for key in ("vision_model.encoder.layers.0.attn.qkv.weight", "language_model.model.layers.1.attention.wqkv.weight"):
        changed = {**state, key: torch.cat([state[key], state[key][:1]])}
        with pytest.raises(KeysMismatch) as caught:
            convert(changed, CONFIGS["small"], "made")
        assert caught.value.reshaped == (key,)


def test_other_architectures_are_refused() -> None:
    with pytest.raises(WeightsError, match="pixel shuffle"):
        build({**CONFIGS["small"], "ps_version": "v1"})
    with pytest.raises(WeightsError, match="InternVL2"):
        build({"vision_config": {}})
