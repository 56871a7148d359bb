"""How the official weights come: in an archive, perhaps with what old versions of PyTorch saved."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import KeysMismatch, WeightsError
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.testing.images import natural
from iqabench_enhancer_nerco.network import Config, NeRCo

STATES = ("latest_net_G_A.pth", "latest_net_Pre.pth", "latest_net_H.pth")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A small network's."""
    options = {"features": 16, "blocks": 1, "mask_blocks": 1, "hidden": (20,)}
    network = NeRCo(Config(**options))
    parts = (network.generator, network.normaliser, network.extractor)
    written = {
        name: save(generate(manifest_of(part)), tmp_path / name) for name, part in zip(STATES, parts, strict=True)
    }
    written["config.json"] = tmp_path / "config.json"
    written["config.json"].write_text(json.dumps(options), encoding="utf-8")
    return written


def result(files: dict[str, Path]) -> Tensor:
    return iqabench.load("lle.nerco", weights=files)(natural(1, 24, 32))


def test_the_three_states_are_found_in_one_archive(files: dict[str, Path], tmp_path: Path) -> None:
    """As it is downloaded, once for all three; files of the Mac's Finder beside them are no second copies."""
    packed = tmp_path / "8f3a"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in STATES:
            archive.write(files[name], f"NeRCo/LOL/{name}")
            archive.writestr(f"__MACOSX/NeRCo/LOL/._{name}", b"\0")
    assert torch.equal(result({**files, **dict.fromkeys(STATES, packed)}), result(files))


def test_an_archive_with_two_releases_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    packed = tmp_path / "both.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for release in ("LOL", "LSRW"):
            archive.write(files[STATES[0]], f"{release}/{STATES[0]}")
    with pytest.raises(WeightsError, match="2 files named latest_net_G_A"):
        result({**files, STATES[0]: packed})


def test_an_archive_that_is_damaged_inside_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    packed = tmp_path / "lol.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(files[STATES[0]], STATES[0])
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 255
    packed.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be unpacked"):
        result({**files, STATES[0]: packed})


def test_statistics_of_norms_that_have_none_are_passed_over(files: dict[str, Path]) -> None:
    expected = result(files)
    state = torch.load(files[STATES[0]], weights_only=True)
    old = {"model.2.running_mean": torch.ones(16), "model.2.num_batches_tracked": torch.tensor(3)}
    torch.save({**state, **old}, files[STATES[0]])
    assert torch.equal(result(files), expected)
    torch.save({**state, "model.1.running_mean": torch.ones(16)}, files[STATES[0]])
    with pytest.raises(KeysMismatch, match=r"model\.1\.running_mean"):
        result(files)


def test_a_state_of_another_part_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(KeysMismatch):
        result({**files, STATES[0]: files[STATES[1]]})
