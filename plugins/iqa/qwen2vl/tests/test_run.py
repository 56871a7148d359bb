"""A user's own folder of weights, and an adapter on top, through the command and in Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import iqabench
from iqabench.errors import WeightsMissing
from iqabench.images import read_image, to_pixels, to_tensor, write_png
from iqabench.testing.checkpoints import save
from iqabench.testing.images import natural
from iqabench.testing.qwen2vl import tiny_state, write_qwen2vl

MODEL = "ugc.qwen2vl-levels"


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    """The tiny checkpoint of the contract."""
    folder = tmp_path / "tuned"
    folder.mkdir()
    write_qwen2vl(folder, tiny_state())
    return folder


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    plain = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "target_modules": ["up_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(plain))
    factors = {"lora_A": torch.ones(2, 96), "lora_B": torch.randn(64, 2, generator=torch.Generator().manual_seed(0))}
    name = "base_model.model.model.layers.0.mlp.up_proj"
    tensors = {f"{name}.{part}.weight": value for part, value in factors.items()}
    save(tensors, folder / "adapter_model.safetensors")
    return folder


def test_the_command_takes_them_as_options(tmp_path: Path, tuned: Path, adapter: Path) -> None:
    (tmp_path / "photos").mkdir()
    for at, image in enumerate(natural(2, 60, 84)):
        write_png(tmp_path / "photos" / f"{at}.png", to_pixels(image))
    done = subprocess.run(
        [sys.executable, "-m", "iqabench", "run", "--images", "photos", "--iqa", MODEL, "--out", "out",
         "--weights", f"{MODEL}:base=tuned", "--weights", f"{MODEL}:mine=adapter"],
        cwd=tmp_path,
        env={**os.environ, "IQABENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out" / "scores.csv")
    images = torch.cat([to_tensor(read_image(tmp_path / "photos" / f"{at}.png")) for at in range(2)])
    plain, adapted = (
        iqabench.load(MODEL, weights=weights)(images).tolist() for weights in (tuned, {"": tuned, "mine": adapter})
    )
    assert rows["score"].tolist() == pytest.approx(adapted, abs=1e-6)
    assert adapted != pytest.approx(plain, abs=1e-3)


def test_an_adapter_alone_needs_the_official_weights(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IQABENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(WeightsMissing, match=f"iqabench weights pull {MODEL}"):
        iqabench.load(MODEL, weights=adapter)
