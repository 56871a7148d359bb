"""What pyiqa 0.1.16, scikit-image 0.26, piq 0.8.0 and pytorch-msssim 1.0 say of the pairs in parity.npz; behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench

PEERS = [
    pytest.param({}, [0.7443063481, 0.8305323544, 0.9698226155], id="pyiqa"),
    pytest.param({}, [0.7443095167, 0.8305226744, 0.9698237715], id="scikit-image on Y"),
    pytest.param({}, [0.7443095167, 0.8305226744, 0.9698237715], id="piq on Y"),
    pytest.param({"channels": "rgb"}, [0.7413621616, 0.7361399462, 0.9621450432], id="scikit-image, RGB"),
    pytest.param({"channels": "rgb"}, [0.7413621616, 0.7361399462, 0.9621450432], id="piq, RGB"),
    pytest.param({"channels": "rgb"}, [0.7413640322, 0.7361419669, 0.9621454455], id="pytorch-msssim, RGB"),
    pytest.param({"channels": "y601"}, [0.7572689528, 0.8434537621, 0.9737467434], id="scikit-image on Y601"),
    pytest.param({"channels": "y601"}, [0.7572689528, 0.8434537621, 0.9737467434], id="piq on Y601"),
]


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(Path(__file__).with_name("parity.npz")) as arrays:
        images, references = (
            torch.from_numpy(arrays[name]).permute(0, 3, 1, 2).float().div(255) for name in ("images", "references")
        )
    return images, references


@pytest.mark.parametrize(("params", "scores"), PEERS)
def test_agrees_with_other_implementations(params: dict[str, str | bool], scores: list[float]) -> None:
    np.testing.assert_allclose(iqabench.load("fr.ssim", **params)(*pairs()), scores, rtol=1e-4)


def test_equal_images_give_exactly_1() -> None:
    images, _ = pairs()
    assert torch.equal(iqabench.load("fr.ssim")(images, images), torch.ones(3))


def test_float32_is_enough_where_images_are_saturated_or_dark() -> None:
    images, references = pairs()
    for change in (lambda x: (x * 3).clamp(0, 1), lambda x: x * 0.04, lambda x: x * 0.04 + 0.96):
        x, y = change(images), change(references)
        ssim = iqabench.load("fr.ssim", channels="rgb")
        np.testing.assert_allclose(ssim(x, y), ssim.model(x.double(), y.double()), rtol=1e-5)


def test_opposed_structures_are_negative_unless_clamped() -> None:
    _, references = pairs()
    score, clamped = (
        float(iqabench.load("fr.ssim", clamp=c)(1 - references[:1], references[:1])) for c in (False, True)
    )
    assert score < -0.1
    assert 0 <= clamped < 0.5


def test_downsampling_averages_blocks_by_the_shorter_side() -> None:
    images, references = (torch.nn.functional.interpolate(x, size=(640, 700)) for x in pairs())
    halves = [torch.nn.functional.avg_pool2d(x, 2) for x in (images, references)]
    small = iqabench.load("fr.ssim", channels="rgb")(*halves)
    np.testing.assert_allclose(
        iqabench.load("fr.ssim", channels="rgb", downsample=True)(images, references), small, rtol=1e-6
    )


def test_crop_leaves_the_border_out() -> None:
    images, references = pairs()
    expected = iqabench.load("fr.ssim")(images[..., 4:-4, 4:-4], references[..., 4:-4, 4:-4])
    assert torch.equal(iqabench.load("fr.ssim", crop=4)(images, references), expected)
