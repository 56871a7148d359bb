"""Against outputs of the official code, recorded with the same made weights and images.

The tokens are the real ones: the tokenizer is made of the pieces into which LLaMA's cuts the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import iqabench
from iqabench.lmm.mplug_owl2.declaring import TUNED_SHARDS
from iqabench.lmm.mplug_owl2.model import IMAGE, RATE
from iqabench.lmm.tokens import read_tokenizer
from iqabench.testing import recorded
from iqabench.testing.lmm import check_batches, check_levels
from iqabench.testing.mplug_owl2 import split_into_shards, write_owl
from iqabench.testing.recorded import picture, read_outputs

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "recorded.npz")
CONFIG = json.loads((HERE / "config.json").read_text())
PIECES = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=[0, 1])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A folder as the hub has it, filled by a seed."""
    folder = tmp_path_factory.mktemp("deqa")
    write_owl(folder, CONFIG, PIECES, seed=request.param, fill=recorded.fill)
    split_into_shards(folder, list(TUNED_SHARDS))
    yield request.param, folder
    for path in folder.glob("*.bin"):
        path.unlink()  # 17 MB


def test_scores(folder: tuple[int, Path]) -> None:
    seed, where = folder
    check_levels(iqabench.load("ugc.deqa", weights=where), RECORDED, seed, scores="scores")


def test_the_prompt_is_cut_into_the_real_tokens(folder: tuple[int, Path]) -> None:
    before, after = map(read_tokenizer(folder[1] / "tokenizer.model").encode, RATE.format(task="quality").split(IMAGE))
    assert [1, *before, -200, *after] == RECORDED["tokens"].tolist()


def test_batches(folder: tuple[int, Path]) -> None:
    images = torch.cat([picture(80, 120, seed) for seed in range(17)])
    check_batches(iqabench.load("ugc.deqa", weights=folder[1]), images)
