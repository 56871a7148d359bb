"""What pyiqa 0.1.16, pytorch-msssim 1.0 and piq 0.8.0 say of the pairs in parity.npz (odd sides), and behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench

PEERS = [
    pytest.param({}, [0.983123472, 0.9761976182], id="pyiqa"),
    pytest.param({}, [0.9831224498, 0.9762043085], id="pytorch-msssim on Y"),
    pytest.param({"channels": "rgb"}, [0.9703483018, 0.975453306], id="pytorch-msssim, RGB"),
]


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(Path(__file__).with_name("parity.npz")) as arrays:
        images, references = (
            torch.from_numpy(arrays[name]).permute(0, 3, 1, 2).float().div(255) for name in ("images", "references")
        )
    return images, references


@pytest.mark.parametrize(("params", "scores"), PEERS)
def test_agrees_with_other_implementations(params: dict[str, str | bool], scores: list[float]) -> None:
    np.testing.assert_allclose(iqabench.load("fr.ms-ssim", **params)(*pairs()), scores, rtol=1e-4)


def test_equal_images_give_exactly_1() -> None:
    images, _ = pairs()
    assert torch.equal(iqabench.load("fr.ms-ssim")(images, images), torch.ones(2))


def test_the_sum_is_between_its_scales_and_keeps_the_sign() -> None:
    images, references = pairs()
    product, total = (iqabench.load("fr.ms-ssim", combine=how) for how in ("product", "sum"))
    assert bool((total(images, references) >= product(images, references) - 1e-3).all())
    assert float(total(1 - references[:1], references[:1])) < 0 <= float(product(1 - references[:1], references[:1]))


def test_161_is_the_least_side() -> None:
    ms_ssim = iqabench.load("fr.ms-ssim")
    images, references = pairs()
    assert bool(ms_ssim(images[..., :161, :161], references[..., :161, :161]).isfinite().all())
    with pytest.raises(iqabench.errors.ImageError, match="needs 161"):
        ms_ssim(images[..., :160, :], references[..., :160, :])
