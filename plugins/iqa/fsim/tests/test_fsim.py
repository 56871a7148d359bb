"""What pyiqa 0.1.16 and piq 0.8.0 say of the pairs in parity.npz (odd sides), and behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench
from iqabench_iqa_fsim.phase_congruency import filter_bank, phase_congruency

PEERS = [
    pytest.param({}, [0.8074508905, 0.8835785389, 0.9772135615], id="pyiqa"),
    pytest.param({}, [0.8074510565, 0.8835785313, 0.9772135531], id="piq"),
    pytest.param({"chromatic": False}, [0.8111332655, 0.8982318044, 0.9783514142], id="pyiqa, FSIM"),
    pytest.param({"chromatic": False}, [0.8111333493, 0.8982317203, 0.9783513662], id="piq, FSIM"),
]


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(Path(__file__).with_name("parity.npz")) as arrays:
        images, references = (
            torch.from_numpy(arrays[name]).permute(0, 3, 1, 2).float().div(255) for name in ("images", "references")
        )
    return images, references


@pytest.mark.parametrize(("params", "scores"), PEERS)
def test_agrees_with_other_implementations(params: dict[str, str | bool], scores: list[float]) -> None:
    np.testing.assert_allclose(iqabench.load("fr.fsim", **params)(*pairs()), scores, rtol=1e-4)


def test_only_fsimc_sees_colour() -> None:
    _, references = pairs()
    luma = (
        (references * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True).expand_as(references)
    )
    assert float(iqabench.load("fr.fsim", chromatic=False)(luma, references)[0]) == pytest.approx(1, abs=1e-4)
    assert float(iqabench.load("fr.fsim")(luma, references)[0]) < 0.999


def test_sizes_may_follow_each_other() -> None:
    fsim, (images, references) = iqabench.load("fr.fsim"), pairs()
    first = fsim(images, references)
    fsim(images[..., :64, :80], references[..., :64, :80])
    assert torch.equal(fsim(images, references), first)


def test_phase_congruency_marks_an_edge_whatever_its_contrast() -> None:
    image = torch.zeros(2, 1, 64, 96)
    image[0, ..., 48:], image[1, ..., 48:] = 200.0, 20.0
    strong, weak = phase_congruency(image, filter_bank(64, 96, image.device))[:, 0, 32]
    assert float(strong[47]) > 0.6 > 0.35 > float(strong[24])
    torch.testing.assert_close(strong, weak, rtol=1e-3, atol=1e-3)
