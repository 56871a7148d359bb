"""What pyiqa 0.1.16 and piq 0.8.0 say of the pairs in parity.npz (odd sides), and behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench

PEERS = [
    pytest.param({}, [0.08471211791, 0.04248212278, 0.01281750016], id="pyiqa"),
]


PIQ = [0.08353590861, 0.04167875442, 0.01269784227]


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(Path(__file__).with_name("parity.npz")) as arrays:
        images, references = (
            torch.from_numpy(arrays[name]).permute(0, 3, 1, 2).float().div(255) for name in ("images", "references")
        )
    return images, references


@pytest.mark.parametrize(("params", "scores"), PEERS)
def test_agrees_with_other_implementations(params: dict[str, str | bool], scores: list[float]) -> None:
    np.testing.assert_allclose(iqabench.load("fr.gmsd", **params)(*pairs()), scores, rtol=1e-4)


def test_agrees_with_piq_but_for_its_divisor() -> None:
    images, references = pairs()
    pixels = 49 * 55
    scores = iqabench.load("fr.gmsd", rounded=False, odd="zeros")(images, references)
    np.testing.assert_allclose(scores * ((pixels - 1) / pixels) ** 0.5, PIQ, rtol=1e-5)


def test_equal_images_give_exactly_0() -> None:
    images, _ = pairs()
    assert torch.equal(iqabench.load("fr.gmsd")(images, images), torch.zeros(3))


def test_an_odd_last_row_counts_only_when_extended() -> None:
    images, references = pairs()
    changed = images.clone()
    changed[..., -1, :] = 0
    crop, zeros = (iqabench.load("fr.gmsd", odd=odd) for odd in ("crop", "zeros"))
    assert torch.equal(crop(changed, references), crop(images, references))
    assert not torch.equal(zeros(changed, references), zeros(images, references))
