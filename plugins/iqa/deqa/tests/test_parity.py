"""Against outputs of the official code, recorded with the same made weights and images.

The tokens are the real ones: the tokenizer is made of the pieces into which LLaMA's cuts the prompt.
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
from iqabench.lmm.mplug_owl2.declaring import TUNED_SHARDS
from iqabench.lmm.mplug_owl2.model import IMAGE, RATE
from iqabench.lmm.tokens import read_tokenizer
from iqabench.testing import recorded
from iqabench.testing.mplug_owl2 import split_into_shards, write_owl

HERE = Path(__file__).parent
with np.load(HERE / "recorded.npz") as file:
    RECORDED = {name: torch.from_numpy(file[name]) for name in file.files}
CONFIG = json.loads((HERE / "config.json").read_text())
PIECES = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))
CASES = list(zip(RECORDED["seeds"].tolist(), RECORDED["sizes"].tolist(), strict=True))


def picture(height: int, width: int, seed: int) -> Tensor:
    return to_tensor(recorded.image(height, width, seed))


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
    """Logits and score of every recorded image."""
    seed, where = folder
    deqa = iqabench.load("ugc.deqa", weights=where)
    for at in (at for at, case in enumerate(CASES) if case[0] == seed):
        image = picture(*CASES[at][1])
        with torch.inference_mode():
            logits = deqa.model.logits(image)
        torch.testing.assert_close(logits[0], RECORDED["level_logits"][at], rtol=0, atol=1e-4)
        assert float(deqa(image)) == pytest.approx(float(RECORDED["scores"][at]), abs=1e-5)


def test_the_prompt_is_cut_into_the_real_tokens(folder: tuple[int, Path]) -> None:
    before, after = map(read_tokenizer(folder[1] / "tokenizer.model").encode, RATE.format(task="quality").split(IMAGE))
    assert [1, *before, -200, *after] == RECORDED["tokens"].tolist()


def test_batches(folder: tuple[int, Path]) -> None:
    """A score does not depend on what else is in the batch."""
    deqa = iqabench.load("ugc.deqa", weights=folder[1])
    images = torch.cat([picture(80, 120, seed) for seed in range(17)])
    alone = torch.cat([deqa(image[None]) for image in images])
    assert alone.std() > 1e-3
    shuffled = torch.randperm(17, generator=torch.Generator().manual_seed(0))
    for size in (2, 5, 17):
        together = torch.cat([deqa(images[some]) for some in shuffled.split(size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-5, atol=0)
