"""dark.exposure: the light that is taken away, the curve, the noise, the recorded bytes."""

import hashlib

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.ops import srgb


def pattern() -> Tensor:
    """(1, 3, 24, 36) of 8-bit values, made of integers alone."""
    return (torch.arange(3 * 24 * 36).square() % 257 % 256).view(1, 3, 24, 36).float() / 255


@pytest.mark.parametrize("ev", [0, 1, 2, 3, 4.5])
def test_each_stop_halves_the_light(ev: float) -> None:
    dark = iqabench.load("dark.exposure", ev=ev)(pattern())
    light, before = srgb.decode(dark.double()), srgb.decode(pattern().double())
    assert (light * 2**ev - before).abs().max() < 3e-5 * 2**ev


def test_known_values() -> None:
    """White at 3 stops under is linear 0.125, which sRGB writes as 0.3885728."""
    dark = iqabench.load("dark.exposure")(torch.ones(1, 3, 4, 4))
    assert dark[0, 0, 0, 0].item() == pytest.approx(0.3885728, abs=1e-5)


def test_gamma_alone_is_a_power_of_the_pixel_values() -> None:
    dark = iqabench.load("dark.exposure", ev=0, gamma=3)(pattern())
    assert (dark - pattern() ** 3).abs().max() < 1e-5


def test_read_noise_has_its_strength_in_linear_light() -> None:
    grey = torch.full((1, 3, 256, 256), 0.9)
    dark = iqabench.load("dark.exposure", ev=1, read_noise=2.0)(grey)
    light = srgb.decode(dark.double()) * 255
    assert light.std().item() == pytest.approx(2, rel=0.02)
    assert light.mean().item() == pytest.approx(255 * srgb.decode(torch.tensor(0.9)).item() / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("params", "digest"),
    [
        ({}, "d503831b4ffc0c59dec2fe49a95afb2fc7dadca5288ef06b6e85ff663811d217"),
        (
            {"ev": 1.5, "gamma": 2.2, "read_noise": 1.0},
            "e40b04f6559a5c5e17fc3e6e59cb10cb702f282e56cc47d6fa508a41b5c7eaaa",
        ),
    ],
)
def test_the_bytes_are_the_recorded_ones(params: dict[str, float], digest: str) -> None:
    dark = iqabench.load("dark.exposure", **params)(pattern(), seeds=[2026])
    assert hashlib.sha256(dark.numpy().tobytes()).hexdigest() == digest


def test_order_is_kept() -> None:
    """Brighter stays brighter, black stays black."""
    ramp = torch.linspace(0, 1, 256).expand(1, 3, 4, 256)
    dark = iqabench.load("dark.exposure")(ramp)
    assert (dark.diff(dim=-1) > 0).all()
    assert dark[..., 0].max() == 0
