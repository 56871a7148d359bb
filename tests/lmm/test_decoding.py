"""What is computed once, for the last position or in a batch is what a plain forward pass gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from iqabench.errors import WeightsError
from iqabench.lmm.decoding import TOKENS_AT_ONCE, Prompt, answers, batches
from iqabench.lmm.levels import CAPITAL_LEVELS, level_tokens
from iqabench.lmm.qwen2vl import AFTER, BEFORE, Qwen2VL
from iqabench.lmm.scorers import LevelScorer
from iqabench.testing.images import natural

QUESTION = "How good is this image?"


@torch.inference_mode()
def plain_logits(model: Qwen2VL, image: Tensor, written: list[int]) -> Tensor:
    """Of the whole network on the whole sequence, as transformers' own forward pass computes them."""
    network: Any = model.network
    pixels, grid = model.vision.patches(image)
    count = model.vision.tokens(*image.shape[-2:])
    before = model.tokenizer.encode(BEFORE)
    after = model.tokenizer.encode(AFTER.format(question=QUESTION))
    token = network.config.image_token_id = 159
    network.config.vision_start_token_id = before[-1]
    ids = torch.tensor([[*before, *[token] * count, *after, *written]])
    kinds = torch.zeros_like(ids)
    kinds[0, len(before) : len(before) + count] = 1
    network.model.rope_deltas = None
    result = network(
        input_ids=ids,
        mm_token_type_ids=kinds,
        pixel_values=pixels,
        image_grid_thw=torch.tensor([[1, *grid]]),
    )
    return result.logits[0, -1]


@pytest.mark.parametrize("reuse", [True, False])
@torch.inference_mode()
def test_the_last_logits_are_those_of_a_plain_pass(model: Qwen2VL, reuse: bool) -> None:
    prompt = model.prompt(QUESTION, reuse=reuse)
    for size in ((56, 56), (90, 60), (64, 140)):
        image = natural(1, *size)
        found = prompt.level_logits(prompt.read(model.vision(image)), range(160))
        torch.testing.assert_close(found[0], plain_logits(model, image, []), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_writing_is_greedy_token_by_token(model: Qwen2VL) -> None:
    """The tokens of a plain pass over all that was written so far, every time."""
    images = natural(3, 64, 90)
    prompt = model.prompt(QUESTION)
    written = prompt.write(prompt.read(model.vision(images)), most=5, ends=())
    for image, tokens in zip(images, written, strict=True):
        assert len(tokens) == 5
        for at, token in enumerate(tokens):
            assert int(plain_logits(model, image[None], tokens[:at]).argmax()) == token


@torch.inference_mode()
def test_an_answer_ends_with_its_mark_and_others_go_on(model: Qwen2VL) -> None:
    images = natural(3, 64, 90)
    prompt = model.prompt(QUESTION)
    whole = prompt.write(prompt.read(model.vision(images)), most=6, ends=())
    end = whole[0][2]
    ended = prompt.write(prompt.read(model.vision(images)), most=6, ends=(end,))
    for all_tokens, tokens in zip(whole, ended, strict=True):
        stop = all_tokens.index(end) + 1 if end in all_tokens else 6
        assert tokens == all_tokens[:stop]
    texts = answers(model.tokenizer, ended, (end,))
    assert [answer.ended for answer in texts] == [tokens[-1] == end for tokens in ended]


def test_the_text_before_the_image_is_read_once(model: Qwen2VL, monkeypatch: pytest.MonkeyPatch) -> None:
    network: Any = model.network
    lengths = []
    inner = network.model.language_model.layers[0].forward
    monkeypatch.setattr(
        network.model.language_model.layers[0],
        "forward",
        lambda hidden, *rest, **options: (lengths.append(hidden.shape[:2]), inner(hidden, *rest, **options))[1],
    )
    scorer = LevelScorer(
        network,
        model.vision,
        model.prompt(QUESTION),
        levels=level_tokens(model.tokenizer, CAPITAL_LEVELS),
    ).eval()
    before, after = len(model.tokenizer.encode(BEFORE)), len(model.tokenizer.encode(AFTER.format(question=QUESTION)))
    with torch.inference_mode():
        scorer(natural(2, 56, 56))
        scorer(natural(1, 56, 84))
    assert lengths == [(1, before), (1, 4 + after), (1, 4 + after), (1, 6 + after)]


@torch.inference_mode()
def test_a_prompt_may_begin_with_the_image(model: Qwen2VL) -> None:
    whole: Prompt = model.prompt(QUESTION)
    after = model.tokenizer.encode(AFTER.format(question=QUESTION))
    bare = Prompt(whole._language, [], after)
    read = bare.read(model.vision(natural(1, 56, 56)))
    assert read.position == 2 + len(after)
    assert bool(read.hidden.isfinite().all())


def test_tokens_that_the_network_does_not_know_are_refused(model: Qwen2VL) -> None:
    language = model.prompt(QUESTION)._language
    with pytest.raises(WeightsError, match="a token 160, and the network knows those under 160"):
        Prompt(language, [1], [2, 160])
    with pytest.raises(WeightsError, match="a token 161"):
        LevelScorer(model.network, model.vision, Prompt(language, [1], [2]), levels=(0, 161))


def test_batches() -> None:
    assert [*batches(5, TOKENS_AT_ONCE // 2)] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert [*batches(2, TOKENS_AT_ONCE * 3)] == [slice(0, 1), slice(1, 2)]
    assert [*batches(3, 0)] == [slice(0, 3)]
    assert [*batches(0, 10)] == []
