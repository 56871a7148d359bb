"""dn.nlm: decibels gained on a noisy photograph, and what it must leave alone."""

import pytest
import torch
from skimage import data
from torch import Tensor

import iqabench


def photo() -> Tensor:
    """A colour photograph, (1, 3, 128, 192)."""
    pixels = data.astronaut()[40:168, 130:322]
    return torch.from_numpy(pixels).movedim(-1, 0)[None] / 255


def psnr(images: Tensor, references: Tensor) -> float:
    return -10 * (images - references).square().mean().log10().item()


def noisy(sigma: float) -> Tensor:
    generator = torch.Generator().manual_seed(11)
    return (photo() + sigma / 255 * torch.randn(photo().shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize(("sigma", "gain"), [(15, 3), (25, 5), (50, 7)])
def test_a_noisy_photo_gains_decibels(sigma: float, gain: float) -> None:
    denoised = iqabench.load("dn.nlm", sigma=sigma)(noisy(sigma))
    assert psnr(denoised, photo()) > psnr(noisy(sigma), photo()) + gain


@pytest.mark.parametrize(("sigma", "gain"), [(15, 3), (25, 5), (50, 6)])
def test_it_finds_the_noise_level_by_itself(sigma: float, gain: float) -> None:
    denoised = iqabench.load("dn.nlm")(noisy(sigma))
    assert psnr(denoised, photo()) > psnr(noisy(sigma), photo()) + gain


def test_a_clean_photo_is_nearly_left_alone() -> None:
    assert psnr(iqabench.load("dn.nlm")(photo()), photo()) > 35


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("sigma", [0, 25])
def test_a_flat_image_stays_flat(value: float, sigma: float) -> None:
    image = torch.full((1, 3, 24, 24), value)
    assert (iqabench.load("dn.nlm", sigma=sigma)(image) - image).abs().max() < 1e-6


def test_a_stronger_filter_smooths_more() -> None:
    spread = [
        iqabench.load("dn.nlm", sigma=25, strength=strength)(noisy(25)).diff(dim=-1).abs().mean().item()
        for strength in (0.2, 0.6, 1.5)
    ]
    assert spread[0] > spread[1] > spread[2]
