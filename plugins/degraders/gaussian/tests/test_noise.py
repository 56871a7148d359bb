"""noise.gaussian: the asked-for strength, white, tied to the seed alone."""

import hashlib

import pytest
import torch
from torch import Tensor

import iqabench


def pattern() -> Tensor:
    """(1, 3, 24, 36) of 8-bit values, made of integers alone."""
    return (torch.arange(3 * 24 * 36).square() % 257 % 256).view(1, 3, 24, 36).float() / 255


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_the_noise_has_the_strength_asked_for(sigma: int) -> None:
    grey = torch.full((1, 3, 256, 256), 0.5)
    noise = (iqabench.load("noise.gaussian", sigma=sigma)(grey) - grey).double() * 255
    assert noise.std().item() == pytest.approx(sigma, rel=0.015)
    assert abs(noise.mean().item()) < 4 * sigma / noise.numel() ** 0.5
    channels = torch.corrcoef(noise[0].flatten(1))
    assert (channels - torch.eye(3)).abs().max() < 0.02
    for shifted in (noise[..., 1:] * noise[..., :-1], noise[..., 1:, :] * noise[..., :-1, :]):
        assert abs(shifted.mean().item()) < 0.02 * sigma**2


def test_it_is_clipped_not_wrapped() -> None:
    noisy = iqabench.load("noise.gaussian", sigma=50)(torch.zeros(1, 3, 64, 64))
    assert noisy.min() == 0
    assert (noisy == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)


def test_the_bytes_are_the_recorded_ones() -> None:
    noisy = iqabench.load("noise.gaussian")(pattern(), seeds=[2026])
    digest = hashlib.sha256(noisy.numpy().tobytes()).hexdigest()
    assert digest == "d0209ccf4cccc01bc5ffa26d96ba49c99f73a61111646e6a38e51946a977e70a"


def test_the_seed_decides_not_the_place_in_the_batch() -> None:
    degrade = iqabench.load("noise.gaussian")
    images = pattern().repeat(3, 1, 1, 1)
    noisy = degrade(images, seeds=[7, 8, 7])
    assert torch.equal(noisy[0], noisy[2])
    assert not torch.equal(noisy[0], noisy[1])
    assert torch.equal(degrade(images[:1], seeds=[8])[0], noisy[1])


def test_seeds_follow_the_content_of_each_image() -> None:
    degrade = iqabench.load("noise.gaussian")
    images = torch.cat([pattern(), pattern().flip(-1)])
    assert torch.equal(degrade(images)[1:], degrade(images[1:]))
    residuals = degrade(images) - images
    assert not torch.equal(residuals[0], residuals[1])


def test_no_sigma_no_noise() -> None:
    assert torch.equal(iqabench.load("noise.gaussian", sigma=0)(pattern()), pattern())
