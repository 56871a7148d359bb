"""What pyiqa 0.1.16, piq 0.8.0 and scikit-image 0.26 say of the pairs in parity.npz, and behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench

PEERS = [
    pytest.param({}, [20.56604206, 24.68794809, 25.03835038], id="pyiqa"),
    pytest.param({}, [20.56604206, 24.68794809, 25.03835038], id="piq"),
    pytest.param({"channels": "y"}, [20.77803137, 28.24978924, 25.0996643], id="pyiqa, Y"),
    pytest.param({"channels": "y"}, [20.77803144, 28.24978936, 25.09966437], id="piq on Y"),
    pytest.param({"channels": "y601"}, [22.09995794, 29.57173969, 26.42159974], id="scikit-image on Y601"),
]


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(Path(__file__).with_name("parity.npz")) as arrays:
        images, references = (
            torch.from_numpy(arrays[name]).permute(0, 3, 1, 2).float().div(255) for name in ("images", "references")
        )
    return images, references


@pytest.mark.parametrize(("params", "scores"), PEERS)
def test_agrees_with_other_implementations(params: dict[str, str | bool], scores: list[float]) -> None:
    np.testing.assert_allclose(iqabench.load("fr.psnr", **params)(*pairs()), scores, rtol=1e-4)


def test_a_known_error_has_its_decibels() -> None:
    references = torch.full((1, 3, 8, 8), 0.5)
    assert float(iqabench.load("fr.psnr")(references + 0.1, references)) == pytest.approx(20, abs=1e-5)


def test_equal_images_give_80_decibels() -> None:
    images, _ = pairs()
    assert torch.equal(iqabench.load("fr.psnr")(images, images), torch.full((3,), 80.0, dtype=torch.float64))


def test_crop_leaves_the_border_out() -> None:
    images, references = pairs()
    framed = references.clone()
    framed[..., 2:-2, 2:-2] = images[..., 2:-2, 2:-2]
    expected = iqabench.load("fr.psnr")(images[..., 2:-2, 2:-2], references[..., 2:-2, 2:-2])
    assert torch.equal(iqabench.load("fr.psnr", crop=2)(framed, references), expected)
