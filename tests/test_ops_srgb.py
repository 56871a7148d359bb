"""The sRGB curve: its known points, and that the two directions undo each other."""

import pytest
import torch

from iqabench.ops import srgb


@pytest.mark.parametrize(
    ("encoded", "linear"),
    [(0.0, 0.0), (0.04045, 0.04045 / 12.92), (0.5, 0.21404114048), (0.735356983052, 0.5), (1.0, 1.0)],
)
def test_known_points(encoded: float, linear: float) -> None:
    assert srgb.decode(torch.tensor(encoded).double()).item() == pytest.approx(linear, abs=1e-7)
    assert srgb.encode(torch.tensor(linear).double()).item() == pytest.approx(encoded, abs=1e-7)


def test_there_and_back() -> None:
    levels = torch.arange(256).double() / 255
    assert (srgb.encode(srgb.decode(levels)) - levels).abs().max() < 1e-7
    assert torch.equal((srgb.encode(srgb.decode(levels.float())) * 255).round(), (levels * 255).round().float())


def test_no_nan_below_zero_and_gradients_everywhere() -> None:
    linear = torch.tensor([-0.1, 0.0, 0.001, 0.5], requires_grad=True)
    encoded = srgb.encode(linear)
    encoded.sum().backward()
    assert encoded.isfinite().all()
    assert linear.grad is not None
    assert linear.grad.isfinite().all()
