"""The prompts and their tokens, against those of the authors' code, and how they are woven together."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from iqabench_iqa_liqe.prompts import (
    DISTORTIONS,
    QUALITIES,
    SCENES,
    TOKENS,
    PromptTree,
    describe,
    describe_quality,
    tokenize,
)

RECORDED = Path(__file__).with_name("recorded.npz")
PROMPTS = [describe(*words) for words in product(QUALITIES, SCENES, DISTORTIONS)]


def padded(prompts: list[str]) -> NDArray[np.uint16]:
    rows = np.zeros((len(prompts), 77), np.uint16)
    for row, prompt in zip(rows, prompts, strict=True):
        tokens = tokenize(prompt)
        row[: len(tokens)] = tokens
    return rows


def test_the_tokens_are_the_official_ones_in_the_official_order() -> None:
    with np.load(RECORDED) as recorded:
        assert (padded(PROMPTS) == recorded["tokens"]).all()
        assert (padded([describe_quality(quality) for quality in QUALITIES]) == recorded["tokens_koniq"]).all()


def test_the_vocabulary_is_that_of_an_installed_tokenizer() -> None:
    open_clip = pytest.importorskip("open_clip", exc_type=ImportError)
    encode = open_clip.SimpleTokenizer().encode
    assert {word: tuple(encode(word)) for word in TOKENS} == TOKENS


def test_a_tree_holds_every_prompt_once() -> None:
    """Walking to an end, over the tokens that it sees, spells the prompt."""
    prompts = [describe(quality, "animal", distortion) for quality in QUALITIES for distortion in DISTORTIONS]
    tree = PromptTree.of(prompts)
    assert len(tree.tokens) < sum(len(tokenize(prompt)) for prompt in prompts) / 2
    for prompt, end in zip(prompts, tree.ends, strict=True):
        way = tree.sees[end].nonzero()[:, 0]
        assert tree.tokens[way].tolist() == tokenize(prompt)
        assert torch.equal(tree.positions[way], torch.arange(len(way)))
