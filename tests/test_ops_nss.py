"""Natural scene statistics against their definitions, computed the slow way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate  # type: ignore[attr-defined]
from scipy.special import gamma
from torch import Tensor

from iqabench.ops import nss
from iqabench.testing.images import natural

SHAPES = np.arange(200, 10_001) / 1000


def _window() -> NDArray[np.float64]:
    axis = np.arange(7) - 3
    window = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * (7 / 6) ** 2))
    return np.asarray(window / window.sum())


def _generalised_gaussian(shape: float, count: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    magnitude = rng.gamma(1 / shape, size=count) ** (1 / shape)
    return torch.from_numpy(magnitude * rng.choice([-1.0, 1.0], size=count)).view(1, 1, 500, -1)


def test_grey_levels_are_whole_and_nearest() -> None:
    levels = torch.randint(0, 256, (1, 3, 400, 500), generator=torch.Generator().manual_seed(0))
    grey = nss.grey_levels(levels.float() / 255)
    thousandths = (levels * torch.tensor([299, 587, 114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    assert torch.equal(grey, grey.round())
    tied = thousandths % 1000 == 500
    assert 50 < int(tied.sum()) < 500
    assert torch.equal(grey[~tied], ((thousandths + 500) // 1000)[~tied].double())
    assert bool(((grey * 1000 - thousandths).abs()[tied] == 500).all())


@pytest.mark.parametrize(("border", "mode"), [("zeros", "constant"), ("replicate", "nearest")])
def test_mscn_is_as_defined(border: str, mode: str) -> None:
    grey = nss.grey_levels(natural(2, 90, 70))
    found = nss.mscn(grey, border=border)
    for image, coefficients in zip(grey[:, 0].numpy(), found[:, 0].numpy(), strict=True):
        mean = correlate(image, _window(), mode=mode)
        deviation = np.sqrt(np.abs(correlate(image**2, _window(), mode=mode) - mean**2))
        # The window's sum of 1 + 1.1e-8 shows where the local variance is small beside the squared mean.
        np.testing.assert_allclose(coefficients, (image - mean) / (deviation + 1), atol=1e-4)


def test_flat_areas_have_one_sign() -> None:
    levels = torch.arange(256, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, 1, 20, 30)
    coefficients = nss.mscn(levels, border="replicate")
    assert bool((coefficients[0] == 0).all())
    assert bool((coefficients[1:] < 0).all())
    assert bool((coefficients > -1e-5).all())


def test_moments_are_as_defined() -> None:
    maps = nss.mscn(nss.grey_levels(natural(2, 37, 53)), border="zeros")
    maps[0, 0, :5] = 0
    found = nss.moments(maps)
    for place, shift in enumerate([None, *nss.SHIFTS]):
        samples = maps if shift is None else maps * torch.roll(maps, shift, dims=(-2, -1))
        for image, values in enumerate(samples.flatten(1)):
            left, right = values[values < 0], values[values > 0]
            at = (image, place)
            assert found.left_count[at].item() == len(left)
            assert found.right_count[at].item() == len(right)
            torch.testing.assert_close(found.left_sum[at], left.sum())
            torch.testing.assert_close(found.right_sum[at], right.sum())
            torch.testing.assert_close(found.left_energy[at], left.square().sum())
            torch.testing.assert_close(found.right_energy[at], right.square().sum())


def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = natural(3, 61, 47)
    grey = nss.grey_levels(images)
    maps = nss.mscn(grey, border="replicate")
    whole = nss.moments(maps)
    monkeypatch.setattr(nss, "_CACHED_SAMPLES", 47 * 5 * 10)
    assert torch.equal(nss.grey_levels(images), grey)
    assert torch.equal(nss.mscn(grey, border="replicate"), maps)
    cut = nss.moments(maps)
    assert torch.equal(cut.left_count, whole.left_count)
    torch.testing.assert_close(cut.right_energy, whole.right_energy, rtol=1e-13, atol=0)
    torch.testing.assert_close(cut.left_sum, whole.left_sum, rtol=1e-13, atol=0)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 5.0])
def test_ggd_is_recovered(shape: float) -> None:
    found, variance = nss.fit_ggd(nss.moments(_generalised_gaussian(shape, 200_000))[:1])
    assert found.item() == pytest.approx(shape, rel=0.03)
    assert variance.item() == pytest.approx(gamma(3 / shape) / gamma(1 / shape), rel=0.03)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_aggd_is_recovered(shape: float) -> None:
    # A side is drawn as often as it is wide: the density is continuous at zero.
    rng = np.random.default_rng(1)
    wide, narrow = 3.0, 1.0
    scale = np.where(rng.random(400_000) < wide / (wide + narrow), wide, -narrow)
    samples = torch.from_numpy(rng.gamma(1 / shape, size=scale.size) ** (1 / shape) * scale).view(1, 1, 500, -1)
    fit = nss.fit_aggd(nss.moments(samples)[:1])
    assert fit.shape.item() == pytest.approx(shape, rel=0.03)
    left, right = fit.scales
    assert (left.item(), right.item()) == pytest.approx((narrow, wide), rel=0.06)
    assert fit.mean.item() == pytest.approx(samples.mean().item(), rel=0.06)


def test_the_nearest_shape_is_chosen() -> None:
    ratios = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))
    wanted = np.random.default_rng(0).uniform(ratios[0] / 2, ratios[-1] * 1.05, 500)
    size = 1_000_000
    # Half the samples left, half right, all of one magnitude: the ratio is then set by the sums alone.
    sums = torch.from_numpy(np.sqrt(wanted)) * size / 2
    half = torch.full_like(sums, size / 2)
    of = nss.Moments(size, half, half, -sums, sums, half, half)
    ggd, _ = nss.fit_ggd(of)
    aggd = nss.fit_aggd(of).shape
    for ratio, symmetric, general in zip(wanted, ggd.tolist(), aggd.tolist(), strict=True):
        assert general == SHAPES[np.abs(ratios - ratio).argmin()]
        assert symmetric == SHAPES[np.abs(1 / ratios - 1 / ratio).argmin()]


def test_a_side_without_samples_is_nan() -> None:
    fit = nss.fit_aggd(nss.moments(torch.full((1, 1, 8, 8), 0.5, dtype=torch.float64)))
    assert bool(fit.left.isnan().all())
    assert math.isclose(fit.right[0, 0].item(), 0.5)
    assert bool((fit.shape == 0.2).all())
