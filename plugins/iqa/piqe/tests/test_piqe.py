from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench
from iqabench.errors import ImageError
from iqabench.images import to_tensor
from iqabench.testing.images import natural
from iqabench_iqa_piqe.model import has_flat_segment, is_noisy, score_blocks


@pytest.mark.parametrize("convention", ["matlab", "pyiqa"])
def test_sides_that_are_no_multiple_of_16(convention: str) -> None:
    with np.load(Path(__file__).with_name("uneven.npz")) as recorded:
        image, expected = to_tensor(recorded["image"]), float(recorded[convention])
    assert iqabench.load("nr.piqe", convention=convention)(image).item() == pytest.approx(expected, rel=1e-4)


def test_without_active_blocks_the_score_is_the_worst() -> None:
    piqe = iqabench.load("nr.piqe")
    for level in (0.0, 0.5, 1.0):
        assert piqe(torch.full((1, 3, 50, 50), level)).item() == 100


def test_one_block_is_enough_and_less_is_refused() -> None:
    piqe = iqabench.load("nr.piqe")
    assert 0 <= piqe(natural(1, 16, 16)).item() <= 100
    with pytest.raises(ImageError, match="needs 16"):
        piqe(natural(1, 15, 40))


def _texture() -> torch.Tensor:
    return torch.randn(1, 4, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("edge", [(0, slice(4, 10)), (15, slice(0, 6)), (slice(10, 16), 0), (slice(3, 9), 15)])
def test_a_flat_piece_of_any_edge_counts(edge: tuple[int | slice, int | slice]) -> None:
    blocks = _texture()
    assert not bool(has_flat_segment(blocks).any())
    blocks[0, 2][edge] = 0.5
    assert has_flat_segment(blocks).tolist() == [[False, False, True, False]]


def test_noise_is_where_the_middle_varies_as_the_rest() -> None:
    blocks = _texture()
    blocks[0, 1, :, 7:9] = 0
    assert is_noisy(blocks, blocks.std(dim=(-2, -1))).tolist() == [[True, False, True, True]]


def test_distortion_of_a_block() -> None:
    blocks = 0.8 * _texture()[:, :1]
    variance = blocks.var().item()
    assert score_blocks(blocks).item() == pytest.approx(100 * (variance + 1) / 2)
    blocks[0, 0, 0, :6] = 0
    variance = blocks.var().item()
    assert score_blocks(blocks).item() == pytest.approx(100 * (1 - variance + variance + 1) / 2)
    assert score_blocks(blocks / 10).item() == 100
