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
from iqabench.lmm.qwen2vl import AFTER, BEFORE
from iqabench.lmm.tokens import read_tokenizer
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.tokenizers import write_tokenizer
from iqabench_iqa_qeval.model import question

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
    """A folder as the hub has it, filled by a seed."""
    folder = tmp_path_factory.mktemp("qeval")
    state = generate(read_manifest(HERE / "manifest.json"), request.param, fill=recorded.fill)
    write_folder(state, folder)
    yield request.param, folder
    for path in folder.glob("*.safetensors"):
        path.unlink()  # 78 MB


def write_folder(state: dict[str, Tensor], folder: Path) -> None:
    (folder / "config.json").write_text((HERE / "config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": 50176}))
    write_tokenizer(folder / "tokenizer.json", PIECES, MARKS)
    save(state, folder / "model.safetensors")


TEXT = "A zigzag path leading to a circular fountain."


def test_the_question_is_cut_into_the_real_tokens(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(write_tokenizer(tmp_path / "tokenizer.json", PIECES, MARKS))
    assert tokenizer.encode(BEFORE) == RECORDED["prefix_ids"].tolist()
    assert tokenizer.encode(AFTER.format(question=question(TEXT))) == RECORDED["suffix_ids"].tolist()


def test_without_a_prompt_nothing_is_quoted() -> None:
    assert question(TEXT).replace(f'For this image, the text prompt is "{TEXT}". ', "") == question()
    assert question().endswith("Poor, and Bad.\nNow please rate this image:")


def test_scores(files: tuple[int, Path]) -> None:
    seed, folder = files
    loaded = iqabench.load("aigc.qeval", weights=folder, prompt=TEXT)
    for at in (at for at, case in enumerate(CASES) if case[0] == seed):
        image = picture(*CASES[at][1])
        with torch.inference_mode():
            logits = loaded.model.logits(image)
        torch.testing.assert_close(logits[0], RECORDED["level_logits"][at], rtol=0, atol=1e-4)
        assert float(loaded(image)) == pytest.approx(float(RECORDED["score"][at]), abs=1e-5)
    image = picture(*CASES[0][1])
    assert float(iqabench.load("aigc.qeval", weights=folder)(image)) != pytest.approx(float(loaded(image)), abs=1e-4)
