"""Tiles leave no seams: what runs in them is what runs on the whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from iqabench.diffusion import ldm, tiling
from iqabench.diffusion.architecture import VaeConfig, make_vae
from iqabench.testing.checkpoints import generate


@pytest.fixture(scope="module")
def vae() -> Any:
    made = make_vae(VaeConfig(ch=32, ch_mult=(1, 1, 2, 1), num_res_blocks=1))
    shapes = ldm.official_keys(made, ldm.vae_sources)
    ldm.fill(made, generate({key: (shape, "float32") for key, shape in shapes.items()}), ldm.vae_sources, "vae")
    return made


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("size", [(136, 200), (200, 64)])
@torch.inference_mode()
def test_the_encoder_in_tiles_is_the_encoder(vae: Any, size: tuple[int, int]) -> None:
    """Also across the borders of tiles, and with the statistics of all of them."""
    images = noise(2, 3, *size) + torch.linspace(-2, 2, size[1])  # brighter to the right
    whole = vae.encoder(images)
    torch.testing.assert_close(tiling.encode(vae.encoder, images, tile=64), whole, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_the_decoder_in_tiles_is_the_decoder(vae: Any) -> None:
    latents = noise(1, 4, 19, 24) + torch.linspace(-2, 2, 24)
    whole = vae.decoder(latents)
    tiled = tiling.decode(vae.decoder, latents, tile=48)
    assert float((tiled - whole).norm() / whole.norm()) < 1e-5


@torch.inference_mode()
def test_what_fits_a_tile_runs_whole(vae: Any) -> None:
    images = noise(1, 3, 32, 32)
    assert torch.equal(tiling.encode(vae.encoder, images, tile=32), vae.encoder(images))


def test_tiles_cover_a_side() -> None:
    assert tiling.tile_starts(10, 4, 2) == [0, 2, 4, 6]
    assert tiling.tile_starts(11, 4, 2) == [0, 2, 4, 6, 7]
    assert tiling.tile_starts(4, 4, 4) == [0]
    with pytest.raises(ValueError, match="do not cover"):
        tiling.tile_starts(10, 4, 5)


def test_weights_fall_off_and_lie_half_a_pixel_low() -> None:
    weights = tiling.gaussian_weights(8, 8)
    assert torch.equal(weights, weights.flip(1))
    assert not torch.equal(weights, weights.flip(0))
    assert weights[4, 3] == weights.max()
    assert weights[0, 0] < 1e-6 * weights.max()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_function_of_pixels_is_unchanged(scale: int) -> None:
    x = noise(2, 3, 23, 31)

    def larger(part: Tensor) -> Tensor:
        return interpolate(part.sin(), scale_factor=scale)

    tiled = tiling.blend_tiles(lambda rows, columns: larger(x[..., rows, columns]), (23, 31), 8, 4, scale=scale)
    torch.testing.assert_close(tiled, larger(x))


def test_blended_tiles_have_no_seams() -> None:
    """Neighbouring tiles disagree by 2 everywhere; side by side they show it, blended they pass over gently."""
    x = torch.zeros(1, 1, 128, 128)

    def disagreeing(rows: slice, columns: slice) -> Tensor:
        return x[..., rows, columns] + (1 if (rows.start + columns.start) // 32 % 2 else -1)

    blended = tiling.blend_tiles(disagreeing, (128, 128), tile=64, stride=32)
    beside = tiling.blend_tiles(disagreeing, (128, 128), tile=32, stride=32)
    steps, seams = (float((image[..., 1:] - image[..., :-1]).abs().max()) for image in (blended, beside))
    assert seams == 2
    assert steps < 0.4
    assert blended.max() > 0.9


def test_the_blur_of_a_tile_is_that_of_the_whole_away_from_its_edges() -> None:
    x = noise(1, 2, 40, 56)

    def blur(part: Tensor) -> Tensor:
        return avg_pool2d(pad(part, (1, 1, 1, 1)), 3, stride=1)

    tiled = tiling.blend_tiles(lambda rows, columns: blur(x[..., rows, columns]), (40, 56), tile=16, stride=8)
    torch.testing.assert_close(tiled[..., 1:-1, 1:-1], blur(x)[..., 1:-1, 1:-1], rtol=0, atol=0.01)
