"""lle.gamma: the brightness that it promises, and what it does to a darkened photograph."""

import pytest
import torch
from skimage import data
from torch import Tensor

import iqabench
from iqabench.ops import srgb


def photo() -> Tensor:
    """A colour photograph, (1, 3, 128, 192)."""
    pixels = data.astronaut()[40:168, 130:322]
    return torch.from_numpy(pixels).movedim(-1, 0)[None] / 255


def psnr(images: Tensor, references: Tensor) -> float:
    return -10 * (images - references).square().mean().log10().item()


def darkened(stops: float) -> Tensor:
    """The photograph at ``stops`` under, in 8 bits."""
    return (srgb.encode(srgb.decode(photo()) / 2**stops) * 255).round() / 255


@pytest.mark.parametrize("stops", [2, 3])
def test_a_darkened_photo_comes_nearer_to_the_original(stops: int) -> None:
    dark = darkened(stops)
    enhanced = iqabench.load("lle.gamma")(dark)
    assert dark.mean() + 0.1 < enhanced.mean() < 1.5 * photo().mean()
    assert psnr(enhanced, photo()) > psnr(dark, photo()) + 3


@pytest.mark.parametrize("value", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_an_even_image_lands_on_the_target(value: float, statistic: str) -> None:
    corrected = iqabench.load("lle.gamma", statistic=statistic, target=0.4)(torch.full((1, 3, 8, 8), value))
    assert (corrected - 0.4).abs().max() < 1e-6


def test_the_median_of_a_grey_image_is_met_exactly() -> None:
    grey = darkened(3).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    corrected = iqabench.load("lle.gamma", statistic="median")(grey)
    assert corrected.flatten().median().item() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_stay(value: float) -> None:
    image = torch.full((1, 3, 8, 8), value)
    assert torch.equal(iqabench.load("lle.gamma")(image), image)


def test_order_is_kept() -> None:
    ramp = torch.linspace(0, 0.2, 64).expand(1, 3, 4, 64)
    assert (iqabench.load("lle.gamma")(ramp).diff(dim=-1) > 0).all()
