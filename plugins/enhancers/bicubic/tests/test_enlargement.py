"""sr.bicubic: the inverse of a reduction, as far as interpolation can be."""

import pytest
import torch
from skimage import data
from torch import Tensor

import iqabench
from iqabench.ops.resize import imresize


def photo() -> Tensor:
    """A colour photograph, (1, 3, 144, 192)."""
    pixels = data.chelsea()[60:204, 120:312]
    return torch.from_numpy(pixels).movedim(-1, 0)[None] / 255


def psnr(images: Tensor, references: Tensor) -> float:
    return -10 * (images - references).square().mean().log10().item()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_brings_a_reduced_photo_back_better_than_its_pixels_do(scale: int) -> None:
    reduced = imresize(photo(), scale=1 / scale).clamp(0, 1)
    enlarged = iqabench.load("sr.bicubic", scale=scale)(reduced)
    assert enlarged.shape == photo().shape
    blocks = reduced.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    assert psnr(enlarged, photo()) > psnr(blocks, photo()) + 1
    assert psnr(enlarged, photo()) > 25


def test_it_is_the_kernel_it_says() -> None:
    small = photo()[..., ::4, ::4]
    assert torch.equal(iqabench.load("sr.bicubic")(small), imresize(small, scale=4, kernel="bicubic").clamp(0, 1))


def test_a_constant_stays_constant() -> None:
    enlarged = iqabench.load("sr.bicubic", scale=3)(torch.full((1, 3, 5, 6), 0.3))
    assert (enlarged - 0.3).abs().max() < 1e-6


def test_overshoot_is_clipped() -> None:
    step = (torch.arange(12) >= 6).float().expand(1, 3, 12, 12)
    enlarged = iqabench.load("sr.bicubic")(step)
    assert (enlarged.min(), enlarged.max()) == (0, 1)
