"""lle.zerodce on a darkened photograph, against the figures of the network's own code, and its checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from skimage import data
from torch import Tensor

import iqabench
from iqabench.errors import KeysMismatch


def photo() -> Tensor:
    """(1, 3, 400, 600), at full light."""
    return torch.from_numpy(data.coffee()).movedim(-1, 0)[None] / 255


def darkened(images: Tensor, share: float = 0.15) -> Tensor:
    """The photo as if it had had ``share`` of its light (gamma 2.2)."""
    return (images**2.2 * share) ** (1 / 2.2)


def weights() -> Path:
    return iqabench.load("lle.zerodce").context.weights["lol.safetensors"]


def by_hand(image: np.ndarray) -> np.ndarray:
    """The method in numpy: (3, H, W) -> (3, H, W)."""
    state = load_file(weights())

    def convolve(x: np.ndarray, number: int) -> np.ndarray:
        kernel, bias = state[f"e_conv{number}.weight"], state[f"e_conv{number}.bias"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True) + bias[:, None, None]

    x1 = np.maximum(convolve(image, 1), 0)
    x2 = np.maximum(convolve(x1, 2), 0)
    x3 = np.maximum(convolve(x2, 3), 0)
    x4 = np.maximum(convolve(x3, 4), 0)
    x5 = np.maximum(convolve(np.concatenate([x3, x4]), 5), 0)
    x6 = np.maximum(convolve(np.concatenate([x2, x5]), 6), 0)
    curves = np.tanh(convolve(np.concatenate([x1, x6]), 7))
    for step in range(8):
        curve = curves[3 * step : 3 * step + 3]
        image = image - curve * (image * (1 - image))
    return image


def test_a_photo_in_fifteen_percent_of_its_light_is_brightened() -> None:
    dark = darkened(photo())
    bright = iqabench.load("lle.zerodce")(dark)
    means = [float(x.mean()) for x in (photo(), dark, bright)]
    assert means == pytest.approx([0.387, 0.163, 0.421], abs=6e-4)


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_the_photo_comes_back(name: str) -> None:
    """With features joined in the wrong order it ends 12 dB away, brightened and embossed."""
    image = torch.from_numpy(getattr(data, name)()).movedim(-1, 0)[None, :, :256, :384] / 255
    errors = [
        float((x - image).square().mean()) for x in (darkened(image), iqabench.load("lle.zerodce")(darkened(image)))
    ]
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 2


def test_every_pixel_agrees_with_the_method_by_hand() -> None:
    dark = darkened(photo())[..., 100:140, 200:260]
    expected = torch.from_numpy(by_hand(dark[0].numpy()))[None]
    torch.testing.assert_close(iqabench.load("lle.zerodce")(dark), expected, atol=2e-6, rtol=0)


def test_black_and_white_stay() -> None:
    """The curves of equation 2 pass through 0 and 1 whatever their parameters."""
    image = torch.zeros(1, 3, 16, 16)
    image[..., 8:] = 1
    assert torch.equal(iqabench.load("lle.zerodce")(image), image)


def test_checkpoints_of_the_authors_and_of_neuro_low_light_load(tmp_path: Path) -> None:
    official = {key: torch.from_numpy(value) for key, value in load_file(weights()).items()}
    foreign = {key.replace("e_conv", "dce_net.conv"): value for key, value in official.items()}
    torch.save(official, tmp_path / "Epoch99.pth")
    torch.save({"epoch": 16, "model_state_dict": foreign}, tmp_path / "best_model.pth")
    dark = darkened(photo())[..., :32, :48]
    expected = iqabench.load("lle.zerodce")(dark)
    for name in ("Epoch99.pth", "best_model.pth"):
        assert torch.equal(iqabench.load("lle.zerodce", weights=tmp_path / name)(dark), expected)


def test_the_checkpoint_of_zero_dce_plus_plus_is_refused(tmp_path: Path) -> None:
    torch.save({"e_conv1.depth_conv.weight": torch.zeros(3, 1, 3, 3)}, tmp_path / "Epoch99.pth")
    with pytest.raises(KeysMismatch, match=r"e_conv1\.weight"):
        iqabench.load("lle.zerodce", weights=tmp_path / "Epoch99.pth")
