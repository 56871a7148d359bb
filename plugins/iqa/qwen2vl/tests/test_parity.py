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
from iqabench.images import to_tensor
from iqabench.lmm.prompts import ask_level
from iqabench.lmm.qwen2vl import AFTER, BEFORE
from iqabench.lmm.tokens import read_tokenizer
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.tokenizers import write_tokenizer

HERE = Path(__file__).parent
with np.load(HERE / "recorded.npz") as file:
    RECORDED = {name: torch.from_numpy(file[name]) for name in file.files}
PIECES = json.loads((HERE / "pieces.json").read_text())
MARKS = [piece for piece in PIECES if piece.startswith("<|")]
CASES = list(zip(RECORDED["seeds"].tolist(), [tuple(size) for size in RECORDED["sizes"].tolist()], strict=True))


def picture(height: int, width: int, seed: int) -> Tensor:
    return to_tensor(recorded.image(height, width, seed))


@pytest.fixture(scope="module", params=[0, 1])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A folder as the hub has it, in two shards, filled by a seed."""
    folder = tmp_path_factory.mktemp("qwen2vl")
    state = generate(read_manifest(HERE / "manifest.json"), request.param, fill=recorded.fill)
    write_folder(state, folder)
    yield request.param, folder
    for path in folder.glob("*.safetensors"):
        path.unlink()  # 78 MB


def write_folder(state: dict[str, Tensor], folder: Path) -> None:
    (folder / "config.json").write_text((HERE / "config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": 50176}))
    write_tokenizer(folder / "tokenizer.json", PIECES, MARKS)
    keys = list(state)
    shards = {"model-00001-of-00002.safetensors": keys[:40], "model-00002-of-00002.safetensors": keys[40:]}
    for name, held in shards.items():
        save({key: state[key] for key in held}, folder / name)
    index = {"weight_map": {key: name for name, held in shards.items() for key in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_the_prompt_is_cut_into_the_real_tokens(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(write_tokenizer(tmp_path / "tokenizer.json", PIECES, MARKS))
    assert tokenizer.encode(BEFORE) == RECORDED["prefix_ids"].tolist()
    assert tokenizer.encode(AFTER.format(question=ask_level("ugc"))) == RECORDED["suffix_ids"].tolist()


def test_levels(files: tuple[int, Path]) -> None:
    """Pixels, features, logits and score of every recorded image."""
    seed, folder = files
    loaded = iqabench.load("ugc.qwen2vl-levels", weights=folder)
    for at in (at for at, case in enumerate(CASES) if case[0] == seed):
        image = picture(*CASES[at][1])
        with torch.inference_mode():
            logits = loaded.model.logits(image)
            if seed == 0:
                pixels, _ = loaded.model.see.patches(image)
                torch.testing.assert_close(pixels[::7, ::5], RECORDED[f"pixels_{at}"], rtol=0, atol=1e-6)
                sight = loaded.model.see(image)
                features = sight.embeddings[0, ::5]
                torch.testing.assert_close(features, RECORDED[f"features_{at}"], rtol=1e-4, atol=1e-5)
                start = len(RECORDED["prefix_ids"])
                positions = RECORDED[f"positions_{at}"][:, start : start + sight.embeddings.shape[1]].long()
                assert torch.equal(sight.positions + start, positions)
                assert start + sight.span == RECORDED[f"positions_{at}"][0, start + sight.embeddings.shape[1]]
        torch.testing.assert_close(logits[0], RECORDED["level_logits"][at], rtol=0, atol=1e-4)
        assert float(loaded(image)) == pytest.approx(float(RECORDED["score"][at]), abs=1e-5)


def test_the_newer_names_of_weights_load_alike(files: tuple[int, Path], tmp_path: Path) -> None:
    """As transformers has written them since 4.52, in one file."""
    seed, folder = files
    if seed:
        pytest.skip("once is enough")
    state = generate(read_manifest(HERE / "manifest.json"), fill=recorded.fill)
    newer = {key.replace("model.", "model.language_model.", 1): value for key, value in state.items()}
    newer = {key.replace("visual.", "model.visual.", 1): value for key, value in newer.items()}
    path = save(newer, tmp_path / "model.safetensors")
    given = {name: folder / name for name in ("config.json", "preprocessor_config.json", "tokenizer.json")}
    image = picture(60, 84, 1)
    official = iqabench.load("ugc.qwen2vl-levels", weights=folder)(image)
    assert torch.equal(iqabench.load("ugc.qwen2vl-levels", weights={**given, path.name: path})(image), official)
    path.unlink()


def test_batches(files: tuple[int, Path]) -> None:
    """A score does not depend on what else is in the batch, read one by one or at once."""
    seed, folder = files
    if seed:
        pytest.skip("once is enough")
    loaded = iqabench.load("ugc.qwen2vl-levels", weights=folder)
    images = torch.cat([picture(140, 170, 0)[..., 4 * i : 4 * i + 60, 5 * i : 5 * i + 84] for i in range(17)])
    alone = torch.cat([loaded(image[None]) for image in images])
    assert alone.std() > 1e-3
    shuffled = torch.randperm(17, generator=torch.Generator().manual_seed(0))
    for size in (2, 5, 17):
        together = torch.cat([loaded(images[some]) for some in shuffled.split(size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-5, atol=0)
    with torch.inference_mode():  # all at once, as on a GPU
        read = loaded.model.read(images)
        logits = loaded.model.prompt.level_logits(read, loaded.model.levels)
        torch.testing.assert_close(logits, loaded.model.logits(images), rtol=1e-4, atol=1e-5)


def test_the_largest_size_can_be_lowered(files: tuple[int, Path]) -> None:
    _, folder = files
    loaded: Loaded = iqabench.load("ugc.qwen2vl-levels", weights=folder, max_pixels=28 * 28 * 6)
    assert loaded.model.tokens(300, 300) == 4
    assert loaded.model.tokens(56, 84) == 6
