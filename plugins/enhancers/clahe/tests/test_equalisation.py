"""lle.clahe: more light and contrast, hue kept, flat images left alone."""

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
    enhanced = iqabench.load("lle.clahe")(dark)
    assert dark.mean() + 0.1 < enhanced.mean() < 1.5 * photo().mean()
    assert psnr(enhanced, photo()) > psnr(dark, photo()) + 3


def test_local_contrast_rises_with_the_clip_limit() -> None:
    dark = darkened(3)
    enhanced = [iqabench.load("lle.clahe", clip_limit=limit)(dark) for limit in (0.001, 0.01, 0.05)]
    contrast = [image.diff(dim=-1).abs().mean().item() for image in (dark, *enhanced)]
    assert contrast == sorted(contrast)
    assert contrast[3] > 2 * contrast[1]


def test_a_grey_image_stays_grey() -> None:
    grey = darkened(2).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    enhanced = iqabench.load("lle.clahe")(grey)
    assert (enhanced.amax(dim=1) - enhanced.amin(dim=1)).max() < 2e-3


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_flat_image_is_left_alone(value: float) -> None:
    image = torch.full((1, 3, 32, 32), value)
    assert torch.equal(iqabench.load("lle.clahe")(image), image)
