"""What a user may choose: tiles, prompts, memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

import iqabench
from iqabench.cli.list import command
from iqabench.errors import KeysMismatch, PluginError, UsageError
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, save
from iqabench.types import ParamValue
from iqabench.weights.config import read_config
from iqabench_enhancer_diffbir import SR
from iqabench_enhancer_diffbir.config import Config
from iqabench_enhancer_diffbir.layout import layout

CONFIG = Path(__file__).with_name("config_small.json")
NAMES = ("realesrgan_s4_swinir_100k.pth", "sd2.1-base-zsnr-laionaes5.ckpt", "DiffBIR_v2.1.pt")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder, config = tmp_path_factory.mktemp("diffbir"), read_config(CONFIG, Config)
    made = {name: save(generate(layout(config, name), fill=recorded.fill), folder / name) for name in NAMES}
    yield {"config.json": CONFIG, **made}
    for path in made.values():
        path.unlink()


def enhance(files: dict[str, Path], image: Tensor, dtype: str = "auto", **params: ParamValue) -> Tensor:
    return iqabench.load("dn.diffbir", weights=files, dtype=dtype, **{"steps": 2, **params})(image, seeds=[5])


@pytest.fixture(scope="module")
def image() -> Tensor:
    return recorded.picture(100, 150)


@pytest.fixture(scope="module")
def usual(files: dict[str, Path], image: Tensor) -> Tensor:
    return enhance(files, image)


def test_the_autoencoder_in_tiles_is_exact(files: dict[str, Path], image: Tensor) -> None:
    """Tiles of two sizes, for tiles of any size change the padding, as officially."""
    results = [enhance(files, image, vae_tile=tile) for tile in (64, 512)]
    assert results[0].std() > 0.05
    assert float((results[0] - results[1]).abs().max()) <= 1.01 / 255


def test_diffusion_in_tiles_leaves_no_seams(files: dict[str, Path], image: Tensor) -> None:
    """Tiles end at every 32nd pixel; the picture changes no more there than elsewhere."""
    tiled = enhance(files, image, tile=64)
    steps = (tiled[..., 1:] - tiled[..., :-1]).abs().mean(dim=(0, 1, 2))
    at_ends = steps[torch.arange(31, 128, 32)].mean()
    assert float(at_ends) < 1.5 * float(steps.mean())


def test_networks_that_take_turns_give_the_same(files: dict[str, Path], image: Tensor, usual: Tensor) -> None:
    assert torch.equal(enhance(files, image, offload=True), usual)


def test_the_caption_leads(files: dict[str, Path], image: Tensor, usual: Tensor) -> None:
    assert not torch.equal(enhance(files, image, caption="a photo of a tree"), usual)
    assert not torch.equal(enhance(files, image, negative_prompt="clean"), usual)


def test_an_unknown_word_asks_for_the_vocabulary(
    files: dict[str, Path], image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iqabench.weights.sources.PackageSource.locate", lambda source: None)
    with pytest.raises(PluginError, match="open_clip_torch"):
        enhance(files, image, caption="a zyzzyva")


def test_tiles_of_odd_sizes_are_refused(files: dict[str, Path], image: Tensor) -> None:
    with pytest.raises(UsageError, match="tile=100 is not a multiple of 64"):
        enhance(files, image, tile=100)


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_precision_stays_near(files: dict[str, Path], image: Tensor, usual: Tensor, dtype: str) -> None:
    half = enhance(files, image, dtype=dtype)
    assert float((half - usual).abs().mean()) < 0.05


def test_wrappers_and_prefixes_of_official_files(
    files: dict[str, Path], image: Tensor, usual: Tensor, tmp_path: Path
) -> None:
    """A control network may be saved from several devices, a base with its training schedule; not with more."""
    control, base = (torch.load(files[name]) for name in ("DiffBIR_v2.1.pt", "sd2.1-base-zsnr-laionaes5.ckpt"))
    other = save(control, tmp_path / "control.pt", prefix="module.")
    schedule = {"betas": torch.zeros(3), "model_ema.decay": torch.zeros(())}
    wrapped = save({**base, **schedule}, tmp_path / "base.ckpt", wrappers=("state_dict",))
    again = {**files, "DiffBIR_v2.1.pt": other, "sd2.1-base-zsnr-laionaes5.ckpt": wrapped}
    assert torch.equal(enhance(again, image), usual)
    more = save({**base, "control_model.extra": torch.zeros(1)}, tmp_path / "more.ckpt")
    with pytest.raises(KeysMismatch, match=r"control_model\.extra"):
        enhance({**files, "sd2.1-base-zsnr-laionaes5.ckpt": more}, image)
    for path in (other, wrapped, more):
        path.unlink()


def test_list_tells_the_memory() -> None:
    told = json.loads(CliRunner().invoke(command, ["sr.diffbir", "--json"]).stdout)["models"]
    assert [model["memory_mb"] for model in told] == [SR.memory_mb]
    assert "GB of memory" in CliRunner().invoke(command, ["sr.diffbir"]).stdout


def test_a_machine_that_is_too_small_is_told_before_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqabench.loading.memory_of", lambda device: 8188)
    with pytest.raises(UsageError, match=rf"sr\.diffbir needs about {SR.memory_mb} MB .* cpu has 8188 MB"):
        iqabench.load("sr.diffbir")
