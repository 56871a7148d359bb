"""Levels as tokens, and the grade that is to be expected of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from iqabench.errors import WeightsError
from iqabench.lmm.levels import GRADES, LEVELS, UNIT_GRADES, expected_grade, level_tokens
from iqabench.lmm.tokens import one_token, read_tokenizer
from iqabench.testing.sentencepieces import write_sentencepiece
from iqabench.testing.tokenizers import write_tokenizer


def test_each_level_has_to_be_one_token(tmp_path: Path) -> None:
    whole = read_tokenizer(write_tokenizer(tmp_path / "a.json", {word: at for at, word in enumerate(LEVELS)}))
    assert level_tokens(whole, LEVELS) == (0, 1, 2, 3, 4)
    split = read_tokenizer(write_tokenizer(tmp_path / "b.json", {word: at for at, word in enumerate(LEVELS[:3])}))
    with pytest.raises(WeightsError, match="'poor' is 4 tokens"):
        level_tokens(split, LEVELS)
    with pytest.raises(WeightsError, match="are one token"):
        level_tokens(whole, ("good", "good"))


def test_the_expected_grade() -> None:
    logits = torch.tensor([[0.0, 0, 0, 0, 0], [50, 0, 0, 0, 0], [0, 0, 0, 0, 50], [1, 2, 3, 4, 5]])
    by_hand = sum(g * float(p) for g, p in zip(GRADES, torch.tensor([1.0, 2, 3, 4, 5]).softmax(0), strict=True))
    torch.testing.assert_close(expected_grade(logits), torch.tensor([3, 5, 1, by_hand]))
    torch.testing.assert_close(expected_grade(logits, UNIT_GRADES), (expected_grade(logits) - 1) / 4)
    assert expected_grade(logits.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("kind", ["json", "model"])
def test_tokenizers(tmp_path: Path, kind: str) -> None:
    """Of both kinds of file: marks are tokens, text comes back as it was, nothing is added."""
    if kind == "json":
        path = write_tokenizer(tmp_path / "tokenizer.json", {"<mark>": 300, "good": 5}, ("<mark>",))
        tokenizer = read_tokenizer(path)
    else:
        tokenizer = read_tokenizer(
            write_sentencepiece(tmp_path / "tokenizer.model", {"▁": 259, "▁good": 260}, size=300), {"<mark>": 300}
        )
    assert one_token(tokenizer, "<mark>") == 300
    tokens = tokenizer.encode("is<mark>good\n")
    assert tokens.count(300) == 1
    assert tokenizer.decode(tokens) == ("isgood\n" if kind == "json" else "is good\n")
    assert tokenizer.encode("") == []
    with pytest.raises(WeightsError, match="has to be one"):
        one_token(tokenizer, "<other>")


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.model"])
def test_what_is_no_tokenizer_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('{"no": "tokenizer"}')
    with pytest.raises(WeightsError, match=name):
        read_tokenizer(path)
