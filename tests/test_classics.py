"""The classical full-reference scorers against the values recorded beside the checkout, and batch by batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import iqabench
from iqabench.testing.images import natural, with_noise

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "parity" / "classics"
RGB = {"channels": "rgb"}
ALIKE = ("noise15", "blur1.5", "quant32")
ALL = (*ALIKE, "other")

# What was recorded, of which model, on which distortions the conventions are the same, and within what.
# "other" is an unrelated image: implementations differ in what they do with negative terms.
CASES = [
    ("psnr|pyiqa_rgb", "fr.psnr", {}, ALL, 1e-6),
    ("psnr|piq", "fr.psnr", {}, ALL, 1e-6),
    ("psnr|pyiqa_y_yiq", "fr.psnr", {"channels": "y"}, ALL, 1e-6),
    ("ssim|pyiqa_ssim(y,yiq,no_down)", "fr.ssim", {}, ALIKE, 1e-5),
    ("ssim|pyiqa_ssim(y,yiq,no_down)", "fr.ssim", {"clamp": True}, ALL, 1e-5),
    ("ssim|skimage_gauss_wang_Y601", "fr.ssim", {}, ALL, 1e-4),
    ("ssim|pyiqa_y_downsample(matlab)", "fr.ssim", {"downsample": True, "clamp": True}, ALL, 1e-5),
    ("ssim|skimage_gauss_wang_rgb", "fr.ssim", RGB, ALL, 1e-5),
    ("ssim|piq_rgb_nodown", "fr.ssim", RGB, ALL, 1e-5),
    ("ssim|piq_rgb_down", "fr.ssim", {**RGB, "downsample": True}, ALL, 1e-5),
    ("ssim|pytorch_msssim_rgb", "fr.ssim", RGB, ALL, 1e-4),
    ("ssim|pyiqa_ssimc(rgb)", "fr.ssim", {**RGB, "clamp": True}, ALL, 1e-5),
    ("ms_ssim|pyiqa(y)", "fr.ms-ssim", {}, ALL, 1e-5),
    ("ms_ssim|pytorch_msssim_rgb", "fr.ms-ssim", RGB, ALL, 1e-4),
    ("ms_ssim|piq_rgb", "fr.ms-ssim", RGB, ALIKE, 1e-4),
    ("fsim|pyiqa_fsimc", "fr.fsim", {}, ALL, 1e-4),
    ("fsim|piq_fsimc", "fr.fsim", {}, ALL, 1e-4),
    ("fsim|piq_fsim_gray", "fr.fsim", {"chromatic": False}, ALL, 1e-5),
    # Recorded in float32, where pyiqa inverts a covariance inexactly; in float64 it agrees to 5e-5.
    ("vif|pyiqa_steerable_y", "fr.vif", {}, ALL, 1e-3),
    ("vif|piq_vifp", "fr.vifp", {}, ALL, 1e-6),
    ("vif|sewar_vifp", "fr.vifp", RGB, ALL, 1e-6),
    ("gmsd|pyiqa_y", "fr.gmsd", {}, ALL, 1e-5),
    ("gmsd|piq", "fr.gmsd", {"rounded": False, "odd": "zeros"}, ALL, 1e-4),
]
IDS = [f"{recorded}-{'-'.join(map(str, params.values()))}" for recorded, _, params, _, _ in CASES]


@pytest.mark.shared
@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded values do not lie beside the checkout")
@pytest.mark.parametrize(("recorded", "model", "params", "distortions", "tolerance"), CASES, ids=IDS)
def test_recorded_values(
    recorded: str, model: str, params: Mapping[str, str | bool], distortions: tuple[str, ...], tolerance: float
) -> None:
    values = json.loads((RECORDED / "cases.json").read_text())["values"]
    scorer = iqabench.load(model, **params)
    compared = 0
    with np.load(RECORDED / "outputs.npz") as arrays:
        for key, value in values.items():
            pair, _, what = key.partition("|")
            size, _, distortion = pair.partition("_")
            if what == recorded and distortion in distortions:
                images, references = (
                    torch.from_numpy(arrays[name]).permute(2, 0, 1)[None].float() / 255
                    for name in (pair, f"{size}_ref")
                )
                assert float(scorer(images, references)) == pytest.approx(value, rel=tolerance, abs=1e-9), pair
                compared += 1
    assert compared == 3 * len(distortions)


@pytest.mark.parametrize("model", sorted({case[1] for case in CASES}))
def test_no_bit_depends_on_batch_or_order(model: str) -> None:
    references = natural(3, 170, 203)
    images = with_noise(references, 12)
    scorer = iqabench.load(model)
    expected = scorer(images, references)
    assert torch.equal(scorer(images.flip(0), references.flip(0)).flip(0), expected)
    alone = [scorer(images[i : i + 1], references[i : i + 1]) for i in range(len(images))]
    assert torch.equal(torch.cat(alone), expected)
