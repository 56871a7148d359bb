"""Tiles leave no seams: what is blended over them is what runs on the whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from iqabench.ops.tiles import blend_tiles, gaussian_weights, tile_starts


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def test_tiles_cover_a_side() -> None:
    assert tile_starts(10, 4, 2) == [0, 2, 4, 6]
    assert tile_starts(11, 4, 2) == [0, 2, 4, 6, 7]
    assert tile_starts(4, 4, 4) == [0]
    with pytest.raises(ValueError, match="do not cover"):
        tile_starts(10, 4, 5)


def test_weights_fall_off_and_lie_half_a_pixel_low() -> None:
    weights = gaussian_weights(8, 8)
    assert torch.equal(weights, weights.flip(1))
    assert not torch.equal(weights, weights.flip(0))
    assert weights[4, 3] == weights.max()
    assert weights[0, 0] < 1e-6 * weights.max()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_function_of_pixels_is_unchanged(scale: int) -> None:
    x = noise(2, 3, 23, 31)

    def larger(part: Tensor) -> Tensor:
        return interpolate(part.sin(), scale_factor=scale)

    tiled = blend_tiles(lambda rows, columns: larger(x[..., rows, columns]), (23, 31), 8, 4, scale=scale)
    torch.testing.assert_close(tiled, larger(x))


def test_blended_tiles_have_no_seams() -> None:
    """Neighbouring tiles disagree by 2 everywhere; side by side they show it, blended they pass over gently."""
    x = torch.zeros(1, 1, 128, 128)

    def disagreeing(rows: slice, columns: slice) -> Tensor:
        return x[..., rows, columns] + (1 if (rows.start + columns.start) // 32 % 2 else -1)

    blended = blend_tiles(disagreeing, (128, 128), tile=64, stride=32)
    beside = blend_tiles(disagreeing, (128, 128), tile=32, stride=32)
    steps, seams = (float((image[..., 1:] - image[..., :-1]).abs().max()) for image in (blended, beside))
    assert seams == 2
    assert steps < 0.4
    assert blended.max() > 0.9


def test_the_blur_of_a_tile_is_that_of_the_whole_away_from_its_edges() -> None:
    x = noise(1, 2, 40, 56)

    def blur(part: Tensor) -> Tensor:
        return avg_pool2d(pad(part, (1, 1, 1, 1)), 3, stride=1)

    tiled = blend_tiles(lambda rows, columns: blur(x[..., rows, columns]), (40, 56), tile=16, stride=8)
    torch.testing.assert_close(tiled[..., 1:-1, 1:-1], blur(x)[..., 1:-1, 1:-1], rtol=0, atol=0.01)
