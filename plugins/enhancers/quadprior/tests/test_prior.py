"""The prior against its definition written out: whole kernels on a grid, one image at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from iqabench.testing import recorded
from iqabench_enhancer_quadprior.prior import PhysicalPrior, channel_order, smoothed


def kernels(sigma: float) -> Tensor:
    """The Gaussian and its derivatives down and along, (3, 1, k, k)."""
    reach = math.ceil(3 * sigma + 0.5)
    x = torch.arange(-reach, reach + 1, dtype=torch.float64)
    down, along = torch.meshgrid(x, x, indexing="ij")
    bell = torch.exp(-(down**2) / (2 * sigma**2)) * torch.exp(-(along**2) / (2 * sigma**2))
    slopes = [-axis / (2 * math.pi * sigma**3) * bell for axis in (down, along)]
    return torch.stack([bell / bell.sum(), *(slope / slope.abs().sum() for slope in slopes)])[:, None]


@pytest.mark.parametrize("exponent", [-2.5, -1.3, 0.0, 0.1667, 1.0, 1.9, 2.5])
def test_smoothing(exponent: float) -> None:
    """At widths whose kernels have 3 to 37 pixels a side, some wider than the image."""
    measured = recorded.picture(24, 40, 3) - 0.3
    whole = kernels(2**exponent).float()
    smooth = [conv2d(measured[:, i : i + 1], whole, padding=whole.shape[-1] // 2) for i in range(3)]
    expected = [smooth[0][:, :1], smooth[1][:, :1], smooth[2][:, :1], smooth[0][:, 1:2], smooth[0][:, 2:]]
    for found, wanted in zip(smoothed(measured, 2**exponent), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_order_of_channels() -> None:
    pixels = torch.tensor(
        [[0.1, 0.5, 0.9], [0.9, 0.1, 0.5], [0.7, 0.7, 0.2], [0.2, 0.7, 0.7], [0.3, 0.2, 0.3], [0.4, 0.4, 0.4]]
    )
    order = channel_order(pixels.T[None, :, None])[0, :, 0].T
    expected = [[-1, 0, 1], [1, -1, 0], [0.5, 0.5, -1], [-1, 0.5, 0.5], [0.5, -1, 0.5], [0, 0, 0]]
    assert torch.equal(order, torch.tensor(expected))


def test_the_scale_is_bounded_and_of_each_image() -> None:
    prior = PhysicalPrior()
    torch.nn.init.constant_(prior.conv[4].bias, 9.0)
    images = torch.cat([recorded.picture(20, 30, seed) for seed in (0, 1)])
    with torch.inference_mode():
        assert prior.scale(images) == [2.5, 2.5]
        torch.nn.init.zeros_(prior.conv[4].bias)
        together = prior(images)
        assert torch.allclose(together, torch.cat([prior(image[None]) for image in images]), atol=1e-6)
        assert len(set(prior.scale(images))) == 2
    assert together.shape == (2, 6, 20, 30)


def test_light_changes_little() -> None:
    """The order of channels not at all, angle and strength of colour hardly, away from black."""
    image = 0.2 + 0.8 * recorded.picture(32, 48, 1)
    prior = PhysicalPrior()
    for parameter in prior.conv.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.inference_mode():
        bright, dark = prior(image), prior(image * 0.4)
    assert torch.equal(bright[:, 2:5], dark[:, 2:5])
    inside = (slice(None), [1, 5], slice(4, -4), slice(4, -4))
    assert (bright[inside] - dark[inside]).abs().mean() < 0.05 * bright[inside].std()
