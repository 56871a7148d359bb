"""Against outputs of transformers' own forward pass, recorded with the same made weights and images.

The tokens are the real ones: the tokenizer is made of the pieces into which the real one cuts the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import iqabench
from iqabench.lmm.qwen2vl import AFTER, BEFORE
from iqabench.lmm.tokens import read_tokenizer
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.lmm import cases, check_levels
from iqabench.testing.qwen2vl import write_companions
from iqabench.testing.recorded import read_outputs
from iqabench_iqa_qeval.model import question

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "recorded.npz")
PIECES = json.loads((HERE / "pieces.json").read_text())
CONFIG = json.loads((HERE / "config.json").read_text())


@pytest.fixture(scope="module", params=[0, 1])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A folder as the hub has it, filled by a seed."""
    folder = tmp_path_factory.mktemp("qeval")
    state = generate(read_manifest(HERE / "manifest.json"), request.param, fill=recorded.fill)
    write_companions(folder, CONFIG, PIECES, max_pixels=50176)
    save(state, folder / "model.safetensors")
    yield request.param, folder
    for path in folder.glob("*.safetensors"):
        path.unlink()  # 78 MB


TEXT = "A zigzag path leading to a circular fountain."


def test_the_question_is_cut_into_the_real_tokens(tmp_path: Path) -> None:
    write_companions(tmp_path, CONFIG, PIECES)
    tokenizer = read_tokenizer(tmp_path / "tokenizer.json")
    assert tokenizer.encode(BEFORE) == RECORDED["prefix_ids"].tolist()
    assert tokenizer.encode(AFTER.format(question=question(TEXT))) == RECORDED["suffix_ids"].tolist()


def test_without_a_prompt_nothing_is_quoted() -> None:
    assert question(TEXT).replace(f'For this image, the text prompt is "{TEXT}". ', "") == question()
    assert question().endswith("Poor, and Bad.\nNow please rate this image:")


def test_scores(files: tuple[int, Path]) -> None:
    seed, folder = files
    loaded = iqabench.load("aigc.qeval", weights=folder, prompt=TEXT)
    check_levels(loaded, RECORDED, seed)
    _, image = next(cases(RECORDED, 0))
    assert float(iqabench.load("aigc.qeval", weights=folder)(image)) != pytest.approx(float(loaded(image)), abs=1e-4)
