"""dn.bm3d: decibels gained on a noisy photograph, and the inputs on which the package itself stumbles."""

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


@pytest.mark.parametrize(("sigma", "gain"), [(15, 4), (25, 6), (50, 9)])
def test_a_noisy_photo_gains_decibels(sigma: float, gain: float) -> None:
    denoised = iqabench.load("dn.bm3d", sigma=sigma, profile="lc")(noisy(sigma))
    assert psnr(denoised, photo()) > psnr(noisy(sigma), photo()) + gain


@pytest.mark.parametrize(("sigma", "gain"), [(25, 6)])
def test_it_finds_the_noise_level_by_itself(sigma: float, gain: float) -> None:
    denoised = iqabench.load("dn.bm3d", profile="lc")(noisy(sigma))
    assert psnr(denoised, photo()) > psnr(noisy(sigma), photo()) + gain


def test_a_clean_photo_is_nearly_left_alone() -> None:
    assert psnr(iqabench.load("dn.bm3d", profile="lc")(photo()), photo()) > 35


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("sigma", [0, 25])
def test_a_flat_image_stays_flat(value: float, sigma: float) -> None:
    image = torch.full((1, 3, 24, 24), value)
    assert (iqabench.load("dn.bm3d", sigma=sigma, profile="lc")(image) - image).abs().max() < 1e-6


def test_a_grey_photo_is_denoised_and_stays_grey() -> None:
    """Its opponent colours have no range, by which bm3d_rgb would divide."""
    grey = noisy(25).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    clean = photo().mean(dim=1, keepdim=True)
    denoised = iqabench.load("dn.bm3d", sigma=14, profile="lc")(grey)
    assert (denoised.amax(dim=1) - denoised.amin(dim=1)).max() < 1e-5
    assert psnr(denoised[:, :1], clean) > psnr(grey[:, :1], clean) + 4


def test_threads_and_repetition_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself the package sums in any order."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    images = torch.cat([noisy(25), noisy(50), noisy(15)])[..., :64, :64]
    denoise = iqabench.load("dn.bm3d", sigma=25, profile="lc")
    together = denoise(images)
    alone = torch.cat([denoise(images[i : i + 1]) for i in range(3)])
    assert torch.equal(together, alone)
    assert torch.equal(together, denoise(images))


@pytest.mark.parametrize("size", [(16, 16), (8, 40), (5, 3)])
def test_small_images_are_taken(size: tuple[int, int]) -> None:
    """The package crashes the process on a side of 8 and refuses less; the harness pads to min_side."""
    assert iqabench.load("dn.bm3d", sigma=25)(noisy(25)[..., : size[0], : size[1]]).shape[-2:] == size
