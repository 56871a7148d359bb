"""What else the official files may hold, and what they may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import KeysMismatch
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.testing.images import natural
from iqabench_enhancer_glare.config import Config
from iqabench_enhancer_glare.network import Codebook, Glare

OPTIONS = {
    "channels": 32,
    "blocks": 1,
    "codes": 50,
    "condition": 6,
    "hidden": 5,
    "flow_levels": 1,
    "plain_steps": 1,
    "coupled_steps": 1,
    "unused": (3, 5),
}


@pytest.fixture
def states() -> dict[str, dict[str, Tensor]]:
    config = Config(**OPTIONS)
    return {"net_G.pth": generate(manifest_of(Glare(config))), "vqgan.pkl": generate(manifest_of(Codebook(config)))}


def result(folder: Path, states: dict[str, dict[str, Tensor]], prefix: str = "") -> Tensor:
    files = {name: save(state, folder / name, prefix=prefix) for name, state in states.items()}
    files["config.json"] = folder / "config.json"
    files["config.json"].write_text(json.dumps(OPTIONS), encoding="utf-8")
    return iqabench.load("lle.glare", weights=files)(natural(1, 24, 32))


def test_what_trained_the_codebook_is_passed_over(tmp_path: Path, states: dict[str, dict[str, Tensor]]) -> None:
    """Its encoder, its losses, a VGG and a prefix of data-parallel training, any of which the files may hold."""
    expected = result(tmp_path, states)
    more = ["encoder.conv_in.weight", "quant_conv.bias", "conv_semantic.0.bias", "loss.discriminator.main.0.bias"]
    more.append("vgg_feat_extractor.vgg_net.conv1_1.weight")
    states["vqgan.pkl"] |= {key: torch.full((2, 3), torch.nan) for key in more}
    assert torch.equal(result(tmp_path, states), expected)
    assert torch.equal(result(tmp_path, states, prefix="module."), expected)


def test_an_unknown_part_is_refused(tmp_path: Path, states: dict[str, dict[str, Tensor]]) -> None:
    states["vqgan.pkl"]["discriminator.conv.weight"] = torch.zeros(3)
    with pytest.raises(KeysMismatch, match=r"discriminator\.conv\.weight"):
        result(tmp_path, states)


def test_half_a_flow_is_refused(tmp_path: Path, states: dict[str, dict[str, Tensor]]) -> None:
    """What the official program would load as well as it can, and run."""
    del states["net_G.pth"]["flowUpsamplerNet.layers.1.affine.fAffine.4.logs"]
    with pytest.raises(KeysMismatch, match=r"layers\.1\.affine\.fAffine\.4\.logs"):
        result(tmp_path, states)
