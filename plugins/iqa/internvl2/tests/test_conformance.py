"""The contract, and what the model does around its network, on a tiny checkpoint in the official layout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

import iqabench
from iqabench.errors import WeightsError
from iqabench.lmm.levels import CAPITAL_LEVELS
from iqabench.lmm.prompts import ask_number
from iqabench.testing import ScorerContract
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.images import natural
from iqabench.testing.sentencepieces import write_sentencepiece
from iqabench.types import ParamValue
from iqabench_iqa_internvl2.model import AFTER, BEFORE, MARKS, SYSTEM, read_marked_tokenizer

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "configs.json").read_text())["small"]
NUMBERS = [f"{grade}.▁" for grade in range(1, 6)]
WORDS = [*NUMBERS, *(f"▁{word}" for word in CAPITAL_LEVELS)]
SPACE = {"▁": 380}
FIRST = 259  # after the marks and bytes
SIZE = 390
MARK_NUMBERS = {"<s>": 1, "</s>": 2, **{mark: SIZE + at for at, mark in enumerate(MARKS)}}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    """One that can only write numbers."""
    state = generate(read_manifest(HERE / "manifest.json", "small"))
    head = state["language_model.output.weight"]
    head[:FIRST] = 0
    head[FIRST + len(NUMBERS) : FIRST + len(WORDS)] *= 0.1
    head[FIRST + len(WORDS) :] = 0
    head[FIRST + 1], head[FIRST + 3] = -head[FIRST], -head[FIRST + 2]
    (folder / "config.json").write_text(json.dumps(CONFIG))
    write_sentencepiece(folder / "tokenizer.model", SPACE | {word: FIRST + at for at, word in enumerate(WORDS)}, SIZE)
    added = {str(number): {"content": mark} for mark, number in MARK_NUMBERS.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}))
    save(state, folder / "model.safetensors")
    return {path.name: path for path in folder.iterdir()}


class TestUgc(ScorerContract):
    id = "ugc.internvl2"
    weights = checkpoint


class TestAigc(ScorerContract):
    id = "aigc.internvl2"
    weights = checkpoint


class TestMixed(ScorerContract):
    id = "mixed.internvl2"
    weights = checkpoint


class TestLevels(ScorerContract):
    id = "ugc.internvl2"
    params: ClassVar = {"answer": "levels"}
    weights = checkpoint


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return checkpoint(tmp_path_factory.mktemp("internvl2"), None, {})


def test_the_chat_is_that_of_internlm2(files: dict[str, Path]) -> None:
    """Marks are single tokens, what is between them is SentencePiece's."""
    tokenizer = read_marked_tokenizer(files)
    before = tokenizer.encode(BEFORE)
    assert before[0] == MARK_NUMBERS["<|im_start|>"]
    assert before[-1] == MARK_NUMBERS["<img>"]
    assert tokenizer.decode(before) == f"system\n{SYSTEM} user\n"
    after = tokenizer.encode(AFTER.format(question=ask_number("ugc")))
    assert after[0] == MARK_NUMBERS["</img>"]
    assert tokenizer.decode(after) == f"\n{ask_number('ugc')} assistant\n"


def test_levels_need_words_of_one_token(files: dict[str, Path], tmp_path: Path) -> None:
    bare = write_sentencepiece(tmp_path / "tokenizer.model", {"1": FIRST}, SIZE)
    with pytest.raises(WeightsError, match=r"'Excellent' is \d+ tokens"):
        iqabench.load("ugc.internvl2", weights={**files, "tokenizer.model": bare}, answer="levels")


def test_answers_without_a_number_fail_by_themselves(files: dict[str, Path], tmp_path: Path) -> None:
    state = generate(read_manifest(HERE / "manifest.json", "small"))
    head = state["language_model.output.weight"]
    head[:] = 0
    head[FIRST + len(WORDS) - 1] = 1e-3  # "Bad", or the first token, where that is unlikely
    path = save(state, tmp_path / "model.safetensors")
    loaded = iqabench.load("mixed.internvl2", weights={**files, "model.safetensors": path}, answer_tokens=2)
    judged = loaded.judge(natural(2, 60, 84))
    assert bool(torch.isnan(judged.values).all())
    assert set(judged.reasons) == {0, 1}
    assert all("holds no number" in reason for reason in judged.reasons.values())


def test_fewer_tiles_are_fewer_tokens(files: dict[str, Path]) -> None:
    few, many = (iqabench.load("ugc.internvl2", weights=files, max_tiles=most) for most in (2, 12))
    assert few.model.see.tokens(300, 451) < many.model.see.tokens(300, 451)
