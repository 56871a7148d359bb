"""Against outputs of the official code, recorded with the same made weights and images.

The tokens are the real ones: the tokenizer is made of the pieces into which LLaMA's cuts the prompts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import UsageError, WeightsError, WeightsMissing
from iqabench.lmm.mplug_owl2.declaring import TUNED_SHARDS
from iqabench.testing import recorded
from iqabench.testing.lmm import check_batches, check_levels
from iqabench.testing.mplug_owl2 import split_into_shards, write_owl
from iqabench.testing.recorded import picture, read_outputs
from iqabench.testing.sentencepieces import write_sentencepiece

HERE = Path(__file__).parent
RECORDED = read_outputs(HERE / "recorded.npz")
CONFIG = json.loads((HERE / "config.json").read_text())
PIECES = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=[0, 1])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A folder as the hub has it, filled by a seed."""
    folder = tmp_path_factory.mktemp("qalign")
    write_owl(folder, CONFIG, PIECES, seed=request.param, fill=recorded.fill)
    split_into_shards(folder, list(TUNED_SHARDS))
    yield request.param, folder
    for path in folder.glob("*.bin"):
        path.unlink()  # 17 MB


def test_scores(folder: tuple[int, Path]) -> None:
    seed, where = folder
    check_levels(iqabench.load("ugc.qalign", weights=where), RECORDED, seed, scores="scores")


def test_batches(folder: tuple[int, Path]) -> None:
    images = torch.cat([picture(333, 517, 2)[..., 4 * i : 4 * i + 240, 12 * i : 12 * i + 250] for i in range(17)])
    check_batches(iqabench.load("mixed.qalign", weights=folder[1]), images)


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_stays_near(folder: tuple[int, Path], dtype: str, drift: float) -> None:
    image = picture(60, 84, 1)
    exact, half = (float(iqabench.load("ugc.qalign", weights=folder[1], dtype=name)(image)) for name in ("auto", dtype))
    assert 0 < abs(half - exact) < drift


def test_positions_come_from_the_checkpoint(tmp_path: Path) -> None:
    """Recorded with the sines and cosines that the official network makes, which real checkpoints hold."""
    write_owl(tmp_path, CONFIG, PIECES, fill=recorded.fill)
    path = tmp_path / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    grid = torch.cat([waves(columns.flatten(), 32), waves(rows.flatten(), 32)], dim=1)
    for key in state:
        if key.endswith("q_pos_embed"):
            state[key] = waves(torch.arange(8), 64)
        elif key.endswith("k_pos_embed"):
            state[key] = torch.cat([torch.zeros(1, 64), grid])
    torch.save(state, path)
    qalign = iqabench.load("ugc.qalign", weights=tmp_path)
    with torch.inference_mode():
        logits = qalign.model.logits(picture(60, 84, 1))
    torch.testing.assert_close(logits[0], RECORDED["analytic_level_logits"], rtol=0, atol=1e-4)
    assert float(qalign(picture(60, 84, 1))) == pytest.approx(float(RECORDED["analytic_score"]), abs=1e-5)
    path.unlink()


def waves(positions: Tensor, width: int) -> Tensor:
    """(T,) -> (T, width): sines, then cosines."""
    angles = positions[:, None] * torch.exp(
        -math.log(10000) * torch.arange(width // 2, dtype=torch.float64) * 2 / width
    )
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def test_task(folder: tuple[int, Path]) -> None:
    """Another question gives another answer, and is cut into the real tokens."""
    quality, aesthetics = (
        iqabench.load("ugc.qalign", weights=folder[1], task=task) for task in ("quality", "aesthetics")
    )
    image = picture(60, 84, 1)
    assert abs(float(quality(image)) - float(aesthetics(image))) > 1e-3
    assert aesthetics.model.prompt._before.shape[1] == 18
    assert aesthetics.model.prompt._after.shape[1] == 15


def test_own_weights(folder: tuple[int, Path], tmp_path: Path) -> None:
    """One file in place of the shards; a folder that lacks what is needed says what."""
    where = folder[1]
    state: dict[str, Tensor] = {}
    for path in where.glob("*-of-*.bin"):
        state |= torch.load(path, weights_only=True)
    torch.save(state, tmp_path / "pytorch_model.bin")
    files = {name: where / name for name in ("config.json", "tokenizer.model")}
    own = {**files, "pytorch_model.bin": tmp_path / "pytorch_model.bin"}
    image = picture(56, 56, 0)
    qalign = iqabench.load("aigc.qalign", weights=own)
    assert float(qalign(image)) == float(iqabench.load("ugc.qalign", weights=where)(image))
    with pytest.raises(WeightsMissing):
        iqabench.load("aigc.qalign", weights=tmp_path)  # the rest was never pulled
    with pytest.raises(UsageError):
        iqabench.load("aigc.qalign", weights={**own, "weights.pt": own["config.json"]})
    (tmp_path / "pytorch_model.bin").unlink()


def test_levels_must_be_tokens(folder: tuple[int, Path], tmp_path: Path) -> None:
    split = {piece: number for piece, number in PIECES.items() if piece != "▁poor"} | {"▁po": 6460, "or": 272}
    write_sentencepiece(tmp_path / "tokenizer.model", split)
    files = {path.name: path for path in folder[1].iterdir()} | {"tokenizer.model": tmp_path / "tokenizer.model"}
    with pytest.raises(WeightsError, match="'poor' is 2 tokens"):
        iqabench.load("ugc.qalign", weights=files)
