"""The autoencoder in tiles is the autoencoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

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
