"""Against outputs of transformers' own forward pass, recorded with the same made weights and images.

The tokens are the real ones: the tokenizer is made of the pieces into which the real one cuts the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.lmm.adapters import merge_adapter
from iqabench.lmm.checkpoints import renamed
from iqabench.lmm.levels import LEVELS, level_tokens
from iqabench.lmm.prompts import ask_number
from iqabench.lmm.tokens import read_tokenizer
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.lmm import cases, check_batches, check_levels
from iqabench.testing.recorded import picture, read_outputs
from iqabench.testing.tokenizers import write_tokenizer
from iqabench_iqa_llava16.model import build, chat, rename
from iqabench_iqa_llava16.tiles import best_resolution, cut, fitted_size, joined

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "recorded.npz")
CONFIG = json.loads((HERE / "config.json").read_text())
# fmt: off
PIECES = {
    "<s>": 1, "</s>": 2, "<image>": 32000, " [": 733, "INST": 16289, "]": 28793, " ": 28705, "\n": 13, "/": 28748,
    "Please": 12069, " evaluate": 15627, " the": 272, " overall": 7544, " quality": 4045, " of": 302, " this": 456,
    " user": 2188, "-": 28733, "generated": 12169, " image": 3469, ",": 28725, " considering": 9868, " factors": 8612,
    " such": 1259, " as": 390, " noise": 8498, " blur": 19690, " compression": 25242, " art": 1524, "ifacts": 24639,
    " and": 304, " color": 3181, " accuracy": 13252, ".": 28723, " Prov": 7133, "ide": 547, " a": 264, " score": 7420,
    " between": 1444, "1": 28740, "5": 28782, " with": 395, " being": 1250, " poor": 5366, " excellent": 8099,
    " good": 1179, " fair": 4968, " bad": 2607,
}
# fmt: on
MARKS = ("<s>", "</s>", "<image>")
ONE_FILLING = pytest.mark.parametrize("files", [0], indirect=True)


@pytest.fixture(scope="module", params=[0, 1])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A folder as the hub has it, in one file, filled by a seed."""
    folder = tmp_path_factory.mktemp("llava16")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "preprocessor_config.json").write_text("{}")
    write_tokenizer(folder / "tokenizer.json", PIECES, MARKS, prefix=" ")
    manifest = read_manifest(HERE / "manifest.json", "small")
    save(generate(manifest, request.param, fill=recorded.fill), folder / "model.safetensors")
    yield request.param, folder
    (folder / "model.safetensors").unlink()  # 17 MB


def test_the_prompt_is_cut_into_the_real_tokens(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(write_tokenizer(tmp_path / "tokenizer.json", PIECES, MARKS, prefix=" "))
    before, after = chat(tokenizer, ask_number("ugc"), 32000)
    assert before == RECORDED["prefix_ids"].tolist()
    assert after == RECORDED["suffix_ids"].tolist()
    assert level_tokens(tokenizer, LEVELS) == (8099, 1179, 4968, 5366, 2607)


def test_levels(files: tuple[int, Path]) -> None:
    seed, folder = files
    check_levels(iqabench.load("ugc.llava16", weights=folder, answer="levels"), RECORDED, seed)


@ONE_FILLING
@torch.inference_mode()
def test_what_is_seen(files: tuple[int, Path]) -> None:
    """Pixels, features, and how many tokens they are."""
    see = iqabench.load("ugc.llava16", weights=files[1]).model.see
    for at, images in cases(RECORDED, 0):
        pixels, sight = see.tiles(images)[0, :, :, ::9, ::11], see(images)
        torch.testing.assert_close(pixels, RECORDED[f"pixels_{at}"], rtol=0, atol=1e-6)
        torch.testing.assert_close(sight.embeddings[0, ::3], RECORDED[f"features_{at}"], rtol=1e-4, atol=1e-5)
        assert sight.embeddings.shape[1] == see.tokens(*images.shape[-2:])


def test_the_official_checkpoint_fits_key_for_key() -> None:
    """The full-size network on the meta device, its configuration as that on the hub."""
    official = read_manifest(HERE / "manifest.json", "official")
    network = build(OFFICIAL)
    names = frozenset(network.state_dict())
    state = {key: torch.empty(shape, device="meta") for key, (shape, _) in official.items()}
    fitted = renamed(state, lambda key: rename(key, names), "official")
    assert {key: value.shape for key, value in fitted.items()} == {
        key: value.shape for key, value in network.state_dict().items()
    }
    assert len(official) == 687


OFFICIAL = {
    "vision_config": {
        "model_type": "clip_vision_model",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "image_size": 336,
        "patch_size": 14,
        "projection_dim": 768,
    },
    "text_config": {
        "model_type": "mistral",
        "vocab_size": 32064,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
        "sliding_window": None,
    },
}


@torch.inference_mode()
def test_tiles_and_maps_are_those_of_transformers() -> None:
    """Over many sizes, against the functions that the official processor and network use."""
    from transformers.image_processing_utils import get_patch_output_size, select_best_resolution

    allowed = [tuple(size) for size in CONFIG["image_grid_pinpoints"]]
    network = build(CONFIG).model
    newline = torch.randn(8, generator=torch.Generator().manual_seed(0))
    draws = np.random.default_rng(0)
    for height, width in [(7, 300), (300, 7), *draws.integers(20, 700, (60, 2)).tolist()]:
        resolution = best_resolution(height, width, allowed)
        assert resolution == select_best_resolution((height, width), allowed)
        blank = np.zeros((3, height, width))
        assert fitted_size(height, width, resolution) == get_patch_output_size(blank, resolution, "channels_first")
        rows, columns = (side // 56 for side in resolution)
        features = torch.randn(1, 1 + rows * columns, 16, 8, generator=torch.Generator().manual_seed(height))
        sizes = torch.tensor([[height, width]])
        expected, _ = network.pack_image_features(list(features), sizes, "default", image_newline=newline)
        ours = joined(features, newline, (height, width), (rows, columns))
        torch.testing.assert_close(ours[0], expected[0], rtol=0, atol=0)


def test_tiles_are_centred_on_black() -> None:
    white = torch.ones(1, 3, 56, 100)
    tiles = cut(white, 56, [(56, 112)])
    assert tiles.shape == (1, 3, 3, 56, 56)
    assert float(tiles[0, 0].min()) == 1  # the whole image, squashed
    assert float(tiles[0, 1, 0, 0].sum()) == 50
    assert float(tiles[0, 2, 0, 0].sum()) == 50


@ONE_FILLING
def test_batches(files: tuple[int, Path]) -> None:
    images = torch.cat([picture(140, 170, 0)[..., 4 * i : 4 * i + 60, 5 * i : 5 * i + 84] for i in range(17)])
    check_batches(iqabench.load("ugc.llava16", weights=files[1], answer="levels"), images)


@ONE_FILLING
def test_the_newer_names_of_weights_load_alike(files: tuple[int, Path], tmp_path: Path) -> None:
    """As transformers has written them since 4.52."""
    _, folder = files
    state: dict[str, Tensor] = generate(read_manifest(HERE / "manifest.json", "small"), fill=recorded.fill)
    newer = {rename(key).replace("vision_tower.vision_model", "vision_tower"): value for key, value in state.items()}
    path = save(newer, tmp_path / "model.safetensors")
    image = picture(60, 84, 1)
    official, other = (
        iqabench.load("ugc.llava16", weights=weights, answer="levels")
        for weights in (folder, {"folder": folder, path.name: path})
    )
    assert torch.equal(official(image), other(image))
    path.unlink()


def test_adapters_under_the_older_names_fit(tmp_path: Path) -> None:
    """As peft named them with transformers before 4.52, and since."""
    state = generate(read_manifest(HERE / "manifest.json", "small"))
    names = frozenset(build(CONFIG).state_dict())
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "target_modules": [".*"]}))
    found = []
    for layers in ("language_model.model.layers", "model.language_model.layers"):
        name = f"base_model.model.{layers}.1.mlp.up_proj"
        adapter = {f"{name}.lora_A.weight": torch.ones(2, 64), f"{name}.lora_B.weight": torch.ones(160, 2)}
        weights = {config.name: config, "adapter_model.safetensors": save(adapter, tmp_path / "adapter.safetensors")}
        fitted = renamed(state, lambda key: rename(key, names), "made")
        merged = merge_adapter(fitted, weights, lambda key: rename(key, names))
        found.append(merged["model.language_model.layers.1.mlp.up_proj.weight"])
    torch.testing.assert_close(found[0], state["language_model.model.layers.1.mlp.up_proj.weight"] + 8)
    assert torch.equal(found[0], found[1])
