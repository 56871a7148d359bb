"""Against scores recorded with pyiqa 0.1.16, for the same made weights (but a logit scale of 100, as CLIP's) and
images. Its network with the authors' pair of prompts is the authors' own method, which cannot be run today."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import iqabench
from iqabench.images import to_tensor
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_iqa_clipiqa.prompts import PAIRS, TOKENS, tokenize

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def checkpoint(seed: int) -> Path:
        state = generate(read_manifest(HERE / "manifest.json"), seed, fill=recorded.fill)
        state["logit_scale"] = torch.tensor(math.log(100))
        return save(state, tmp_path_factory.mktemp("clip") / "rn50.safetensors")

    @cache
    def load(seed: int, prompts: str) -> Loaded:
        return iqabench.load("nr.clipiqa", weights=checkpoint(seed), prompts=prompts)

    return load


@pytest.mark.parametrize("prompts", PAIRS)
@pytest.mark.parametrize("case", RECORDED, ids=lambda c: "-".join(map(str, [c["weights_seed"], *c["size"]])))
def test_recorded(models: Any, prompts: str, case: dict[str, Any]) -> None:
    image = to_tensor(recorded.image(*case["size"], case["image_seed"]))
    assert float(models(case["weights_seed"], prompts)(image)) == pytest.approx(case[prompts], rel=1e-4)


def test_batches(models: Any) -> None:
    picture = to_tensor(recorded.image(333, 517, 2))
    images = torch.cat([picture[..., y : y + 64, 2 * y : 2 * y + 80] for y in range(0, 170, 10)])
    model = models(0, "official")
    alone = torch.cat([model(image[None]) for image in images])
    assert alone.std() > 0.001
    shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    for size in (2, 5, 17):
        together = torch.cat([model(images[some]) for some in shuffled.split(size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-6, atol=0)


def test_the_tokens_are_those_of_the_official_tokenizer() -> None:
    """Noted down from openai-clip 1.0.1."""
    assert [tokenize(prompt) for prompt in PAIRS["official"][0]] == [
        [49406, 886, 1125, 269, 49407],
        [49406, 2103, 1125, 269, 49407],
    ]
    assert [tokenize(prompt) for prompt in PAIRS["pyiqa"][4]] == [
        [49406, 9307, 268, 1139, 2867, 49407],
        [49406, 33495, 2867, 49407],
    ]


def test_the_vocabulary_is_that_of_an_installed_tokenizer() -> None:
    open_clip = pytest.importorskip("open_clip", exc_type=ImportError)
    encode = open_clip.SimpleTokenizer().encode
    assert {word: tuple(encode(word)) for word in TOKENS} == TOKENS
