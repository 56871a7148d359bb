"""Images a second of large multimodal scorers, beside a plain loop: the whole network on the whole prompt, image by
image, as transformers' users call it.

    pytest -o addopts="--import-mode=importlib" tests/benchmarks/test_lmm.py --benchmark-json=lmm.json

On reduced networks with the official vocabulary and prompt, the images 448 pixels a side, both ways in float32 on the
CPU with the same number of threads (IQABENCH_BENCH_THREADS, 1 unless set), in turns. The scores of both must agree.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.lmm.levels import expected_grade
from iqabench.lmm.prompts import ask_level
from iqabench.lmm.qwen2vl import AFTER, BEFORE
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.images import natural
from iqabench.testing.qwen2vl import write_companions

TESTS = Path(__file__).parents[2] / "plugins" / "iqa" / "qwen2vl" / "tests"
THREADS = int(os.environ.get("IQABENCH_BENCH_THREADS", "1"))
IMAGES, ROUNDS = 8, 3
ATLEAST = 1.5


@pytest.fixture(autouse=True)
def _equal_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def scorer(tmp_path: Path) -> Iterator[Loaded]:
    pieces = json.loads((TESTS / "pieces.json").read_text())
    write_companions(tmp_path, json.loads((TESTS / "config.json").read_text()), pieces)
    path = save(generate(read_manifest(TESTS / "manifest.json"), fill=recorded.fill), tmp_path / "model.safetensors")
    yield iqabench.load("ugc.qwen2vl-levels", weights=tmp_path)
    path.unlink()


def plain(scorer: Loaded, tokenizer: Any, image: Tensor) -> Tensor:
    """The score of one image by the network's own forward pass."""
    model = scorer.model
    network, vision = model.network, model.see
    pixels, grid = vision.patches(image)
    before, after = tokenizer.encode(BEFORE), tokenizer.encode(AFTER.format(question=ask_level("ugc")))
    count = vision.tokens(*image.shape[-2:])
    ids = torch.tensor([[*before, *[network.config.image_token_id] * count, *after]])
    kinds = (ids == network.config.image_token_id).int()
    network.model.rope_deltas = None
    logits = network(
        input_ids=ids, mm_token_type_ids=kinds, pixel_values=pixels, image_grid_thw=torch.tensor([[1, *grid]])
    ).logits
    return expected_grade(logits[:, -1, list(model.levels)])


@torch.inference_mode()
def test_images_a_second(benchmark: Any, scorer: Loaded, tmp_path: Path) -> None:
    from iqabench.lmm.tokens import read_tokenizer

    tokenizer = read_tokenizer(tmp_path / "tokenizer.json")
    images = natural(IMAGES, 448, 448)
    loops = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        expected = torch.cat([plain(scorer, tokenizer, image[None]) for image in images])
        loops.append(time.perf_counter() - started)
        scores = scorer(images)
    benchmark.pedantic(scorer, (images,), rounds=ROUNDS)
    ratio = min(loops) / benchmark.stats.stats.min
    benchmark.extra_info.update(
        ours=IMAGES / benchmark.stats.stats.min, plain=IMAGES / min(loops), ratio=ratio, threads=THREADS
    )
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-4)
    assert float(scores.std()) > 1e-3
    print(f"plain {IMAGES / min(loops):.1f} images/s, ours {ratio:.2f} times as many")
    assert ratio >= ATLEAST
