"""Against outputs of transformers' own forward pass, recorded with the same made weights and images.

The tokens are the real ones: the tokenizer is made of the pieces into which the real one cuts the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import iqabench
from iqabench.lmm.prompts import ask_level
from iqabench.lmm.qwen2vl import AFTER, BEFORE
from iqabench.lmm.tokens import read_tokenizer
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save, save_shards
from iqabench.testing.lmm import cases, check_batches, check_levels
from iqabench.testing.qwen2vl import write_companions
from iqabench.testing.recorded import picture, read_outputs

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "recorded.npz")
PIECES = json.loads((HERE / "pieces.json").read_text())
CONFIG = json.loads((HERE / "config.json").read_text())
ONE_FILLING = pytest.mark.parametrize("files", [0], indirect=True)


@pytest.fixture(scope="module", params=[0, 1])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A folder as the hub has it, in two shards, filled by a seed."""
    folder = tmp_path_factory.mktemp("qwen2vl")
    state = generate(read_manifest(HERE / "manifest.json"), request.param, fill=recorded.fill)
    write_companions(folder, CONFIG, PIECES, max_pixels=50176)
    save_shards(state, folder, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    yield request.param, folder
    for path in folder.glob("*.safetensors"):
        path.unlink()  # 78 MB


def test_the_prompt_is_cut_into_the_real_tokens(tmp_path: Path) -> None:
    write_companions(tmp_path, CONFIG, PIECES)
    tokenizer = read_tokenizer(tmp_path / "tokenizer.json")
    assert tokenizer.encode(BEFORE) == RECORDED["prefix_ids"].tolist()
    assert tokenizer.encode(AFTER.format(question=ask_level("ugc"))) == RECORDED["suffix_ids"].tolist()


def test_levels(files: tuple[int, Path]) -> None:
    seed, folder = files
    check_levels(iqabench.load("ugc.qwen2vl-levels", weights=folder), RECORDED, seed)


@ONE_FILLING
@torch.inference_mode()
def test_what_is_seen(files: tuple[int, Path]) -> None:
    """Pixels, features and positions."""
    see = iqabench.load("ugc.qwen2vl-levels", weights=files[1]).model.see
    start = len(RECORDED["prefix_ids"])
    for at, image in cases(RECORDED, 0):
        pixels, _ = see.patches(image)
        torch.testing.assert_close(pixels[::7, ::5], RECORDED[f"pixels_{at}"], rtol=0, atol=1e-6)
        sight = see(image)
        torch.testing.assert_close(sight.embeddings[0, ::5], RECORDED[f"features_{at}"], rtol=1e-4, atol=1e-5)
        end = start + sight.embeddings.shape[1]
        assert torch.equal(sight.positions + start, RECORDED[f"positions_{at}"][:, start:end].long())
        assert start + sight.span == RECORDED[f"positions_{at}"][0, end]


@ONE_FILLING
def test_the_newer_names_of_weights_load_alike(files: tuple[int, Path], tmp_path: Path) -> None:
    """As transformers has written them since 4.52, in one file."""
    _, folder = files
    state = generate(read_manifest(HERE / "manifest.json"), fill=recorded.fill)
    newer = {key.replace("model.", "model.language_model.", 1): value for key, value in state.items()}
    newer = {key.replace("visual.", "model.visual.", 1): value for key, value in newer.items()}
    path = save(newer, tmp_path / "model.safetensors")
    given = {name: folder / name for name in ("config.json", "preprocessor_config.json", "tokenizer.json")}
    image = picture(60, 84, 1)
    official = iqabench.load("ugc.qwen2vl-levels", weights=folder)(image)
    assert torch.equal(iqabench.load("ugc.qwen2vl-levels", weights={**given, path.name: path})(image), official)
    path.unlink()


@ONE_FILLING
def test_batches(files: tuple[int, Path]) -> None:
    images = torch.cat([picture(140, 170, 0)[..., 4 * i : 4 * i + 60, 5 * i : 5 * i + 84] for i in range(17)])
    check_batches(iqabench.load("ugc.qwen2vl-levels", weights=files[1]), images)


def test_the_largest_size_can_be_lowered(files: tuple[int, Path]) -> None:
    _, folder = files
    loaded: Loaded = iqabench.load("ugc.qwen2vl-levels", weights=folder, max_pixels=28 * 28 * 6)
    assert loaded.model.see.tokens(300, 300) == 4
    assert loaded.model.see.tokens(56, 84) == 6
