"""lr.bicubic: exact where the answer is known, the same bytes everywhere, free of aliases."""

import hashlib

import pytest
import torch
from torch import Tensor

import iqabench


def pattern() -> Tensor:
    """(1, 3, 24, 36) of 8-bit values, made of integers alone."""
    return (torch.arange(3 * 24 * 36).square() % 257 % 256).view(1, 3, 24, 36).float() / 255


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_constant_image_stays_constant(scale: int) -> None:
    reduced = iqabench.load("lr.bicubic", scale=scale)(torch.full((1, 3, 24, 36), 0.7))
    assert reduced.shape == (1, 3, 24 // scale, 36 // scale)
    assert torch.equal(reduced, torch.full_like(reduced, 0.7))


@pytest.mark.parametrize(
    ("scale", "digest"),
    [
        (2, "7255322efbc867538da34eb1da35c6def739472cc44d5f557977a12691b79fba"),
        (3, "2f463612dc7502cd7a7ed60c394725cd37fc6d14aed16e4bbbf1466e9ec113ec"),
        (4, "5523eeb2c8d1b3d1928a67a044ee5164d087493653b65ef989deb557bfe4fac8"),
    ],
)
def test_the_bytes_are_the_recorded_ones(scale: int, digest: str) -> None:
    reduced = iqabench.load("lr.bicubic", scale=scale)(pattern())
    assert hashlib.sha256(reduced.numpy().tobytes()).hexdigest() == digest


def test_detail_beyond_the_new_limit_is_removed_not_folded() -> None:
    """A checkerboard of single pixels averages out; without antialiasing it would turn into another pattern."""
    board = (torch.arange(48)[:, None] + torch.arange(48)) % 2
    reduced = iqabench.load("lr.bicubic", scale=4)(board.float().expand(1, 3, 48, 48))
    assert (reduced[..., 2:-2, 2:-2] - 0.5).abs().max() < 0.01


def test_overshoot_at_edges_is_clipped() -> None:
    step = (torch.arange(48) >= 24).float().expand(1, 3, 48, 48)
    reduced = iqabench.load("lr.bicubic", scale=3)(step)
    assert reduced.min() == 0
    assert reduced.max() == 1


def test_the_four_fold_default_is_used() -> None:
    assert iqabench.load("lr.bicubic")(pattern()).shape[-2:] == (6, 9)
