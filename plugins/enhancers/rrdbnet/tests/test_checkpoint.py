"""The three layouts in which RRDBNet's weights are given away, loaded strictly."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import KeysMismatch, WeightsError

MODEL = "sr.realesrgan[model=x4plus-anime]"


@cache
def packaged() -> tuple[Path, dict[str, Tensor]]:
    """The anime model's file, and its state by the official names."""
    from iqabench_enhancer_rrdbnet.checkpoint import load_weights
    from iqabench_enhancer_rrdbnet.network import RRDBNet

    path = next(iter(iqabench.load(MODEL).context.weights.values()))
    network = RRDBNet(blocks=6)
    load_weights(network, path)
    return path, network.state_dict()


def old_name(key: str) -> str:
    """As ESRGAN and RealSR name it."""
    key = re.sub(r"^body\.(\d+)\.rdb", r"RRDB_trunk.\1.RDB", key)
    for new, old in {"conv_body": "trunk_conv", "conv_up": "upconv", "conv_hr": "HRconv"}.items():
        key = key.replace(new, old)
    return key


def test_official_names() -> None:
    _, state = packaged()
    assert len(state) == 2 * (1 + 6 * 15 + 5)
    assert state["conv_first.weight"].shape == (64, 3, 3, 3)
    assert state["body.5.rdb3.conv4.weight"].shape == (32, 160, 3, 3)
    assert {old_name(key) for key in state} >= {"RRDB_trunk.0.RDB1.conv1.bias", "upconv2.weight", "HRconv.bias"}


@pytest.mark.parametrize("layout", ["params_ema", "params", "plain", "old"])
def test_official_checkpoints_give_the_same_result(tmp_path: Path, layout: str) -> None:
    _, state = packaged()
    spoilt = {key: torch.zeros_like(value) for key, value in state.items()}
    checkpoint = {
        "params_ema": {"params": spoilt, "params_ema": state},
        "params": {"params": state},
        "plain": state,
        "old": {old_name(key): value for key, value in state.items()},
    }[layout]
    torch.save(checkpoint, tmp_path / "official.pth")
    image = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(2))
    own = iqabench.load(MODEL, weights=tmp_path / "official.pth")(image)
    assert torch.equal(own, iqabench.load(MODEL)(image))


def test_a_checkpoint_of_another_depth_is_refused(tmp_path: Path) -> None:
    path, state = packaged()
    torch.save({"params_ema": state}, tmp_path / "anime.pth")
    with pytest.raises(KeysMismatch) as caught:
        iqabench.load("sr.realesrgan", weights=tmp_path / "anime.pth")
    assert caught.value.missing[0].startswith("body.6.rdb1.conv1")
    with pytest.raises(WeightsError, match=re.escape(path.name)):
        iqabench.load("sr.realsr", weights=path)


def test_a_file_without_ncnn_halves_is_read_too(tmp_path: Path) -> None:
    """float32 storage, tag 0, written here."""
    _, state = packaged()
    pieces = []
    for key, value in state.items():
        pieces += [bytes(4)] if key.endswith("weight") else []
        pieces.append(value.numpy().astype("<f4").tobytes())
    (tmp_path / "full.bin").write_bytes(b"".join(pieces))
    image = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(3))
    own = iqabench.load(MODEL, weights=tmp_path / "full.bin")(image)
    assert torch.equal(own, iqabench.load(MODEL)(image))


@pytest.mark.parametrize("change", ["cut", "longer", "quantised"])
def test_an_ncnn_file_that_does_not_fit_is_refused(tmp_path: Path, change: str) -> None:
    content = packaged()[0].read_bytes()
    changed = {
        "cut": content[:-4],
        "longer": content + bytes(4),
        "quantised": content[:3716] + np.uint32(0x000D4B38).tobytes() + content[3720:],
    }[change]
    (tmp_path / "x.bin").write_bytes(changed)
    with pytest.raises(WeightsError, match=r"x\.bin"):
        iqabench.load(MODEL, weights=tmp_path / "x.bin")
