"""Checkpoints of small networks of several architectures, as the community publishes them.

What is expected of a checkpoint is what the network itself makes, called by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

import iqabench
from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.errors import KeysMismatch, UnsafeWeights, UsageError, WeightsError, WeightsMissing
from iqabench.images import to_tensor
from iqabench.testing import EnhancerContract, recorded
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.types import ParamValue
from iqabench_enhancer_spandrel.tiling import restore_in_tiles


def _network(architecture: str, name: str, **options: object) -> nn.Module:
    import_beside_torchvision("spandrel")  # whose parts import each other, and cannot be imported alone
    module = import_beside_torchvision(f"spandrel.architectures.{architecture}")
    made: nn.Module = getattr(module, name)(**options)
    return made


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...]]] = {
    "compact": (lambda: _network("Compact", "Compact", num_feat=24, num_conv=4, upscale=4), ("params",)),
    "compact-x2": (lambda: _network("Compact", "Compact", num_feat=24, num_conv=4, upscale=2), ()),
    "compact-x1": (lambda: _network("Compact", "Compact", num_feat=24, num_conv=4, upscale=1), ()),
    "esrgan": (lambda: _network("ESRGAN", "ESRGAN", num_filters=16, num_blocks=2, scale=4), ("params_ema",)),
    "swinir": (
        lambda: _network(
            "SwinIR",
            "SwinIR",
            img_size=64,
            embed_dim=24,
            depths=[2, 2],
            num_heads=[2, 2],
            window_size=8,
            mlp_ratio=2.0,
            upscale=4,
            upsampler="pixelshuffledirect",
        ),
        ("params",),
    ),
    "scunet": (lambda: _network("SCUNet", "SCUNet", config=[1] * 7, dim=64), ()),
    "nafnet": (
        lambda: _network("NAFNet", "NAFNet", width=16, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1]),
        ("params",),
    ),
    "dncnn": (lambda: _network("DnCNN", "DnCNN", in_nc=3, out_nc=3, nc=16, nb=17, act_mode="R"), ()),
    "dncnn-grey": (lambda: _network("DnCNN", "DnCNN", in_nc=1, out_nc=1, nc=16, nb=17, act_mode="R"), ()),
}


def written(name: str, folder: Path, suffix: str = ".pth") -> tuple[Path, nn.Module]:
    """A checkpoint of a network with made weights, and that network."""
    make, wrappers = NETWORKS[name]
    network = make().eval()
    constants = {key: value for key, value in network.state_dict().items() if "index" in key or "mask" in key}
    state = generate({k: v for k, v in manifest_of(network).items() if k not in constants}) | constants
    # Made weights enlarge what passes through them: small ones keep results inside [0, 1].
    state = {
        key: value * 0.5 if value.is_floating_point() and value.ndim > 2 else value for key, value in state.items()
    }
    network.load_state_dict(state)
    return save(state, folder / f"{name}{suffix}", wrappers=wrappers if suffix == ".pth" else ()), network


def enlarging(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    return {"checkpoint": written("compact", folder)[0]}


def denoising(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    return {"checkpoint": written("nafnet", folder)[0]}


class TestEnlarging(EnhancerContract):
    id = "sr.spandrel"
    weights = enlarging


class TestDenoisingInTiles(EnhancerContract):
    id = "dn.spandrel"
    params: ClassVar = {"tile": 32, "overlap": 8}
    weights = denoising


def picture(height: int = 64, width: int = 72) -> Tensor:
    return to_tensor(recorded.image(height, width, 0))


def by_hand(network: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        made: Tensor = network(images)
    return made.clamp(0, 1)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", ["compact", "esrgan", "swinir"])
def test_networks_that_enlarge(tmp_path: Path, name: str, suffix: str) -> None:
    path, network = written(name, tmp_path, suffix)
    result = iqabench.load("sr.spandrel", weights=path)(picture())
    assert result.shape == (1, 3, 256, 288)
    assert result.std() > 0.01
    torch.testing.assert_close(result, by_hand(network, picture()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["nafnet", "dncnn", "scunet"])
def test_networks_that_denoise(tmp_path: Path, name: str) -> None:
    """SCUNet works on multiples of 64, and spandrel mirrors out what is less."""
    path, network = written(name, tmp_path)
    image = picture()
    expected = by_hand(network, pad(image, (0, 128 - 72, 0, 0), mode="reflect") if name == "scunet" else image)
    result = iqabench.load("dn.spandrel", weights=path)(image)
    assert result.std() > 0.01
    torch.testing.assert_close(result, expected[..., :72], rtol=0, atol=1e-5)


def test_a_network_of_grey_images_is_given_one_channel_at_a_time(tmp_path: Path) -> None:
    path, network = written("dncnn-grey", tmp_path)
    expected = torch.cat([by_hand(network, channel) for channel in picture().split(1, dim=1)], dim=1)
    torch.testing.assert_close(iqabench.load("dn.spandrel", weights=path)(picture()), expected, rtol=0, atol=1e-5)


def test_another_scale_is_refused_with_the_right_one(tmp_path: Path) -> None:
    twice, _ = written("compact-x2", tmp_path)
    same, _ = written("compact-x1", tmp_path)
    with pytest.raises(UsageError, match=r"enlarges ×2, not ×4\. Run it as sr\.spandrel\[scale=2\]\."):
        iqabench.load("sr.spandrel", weights=twice)
    with pytest.raises(UsageError, match=r"so it is no denoiser\. Run it as sr\.spandrel\[scale=2\]\."):
        iqabench.load("dn.spandrel", weights=twice)
    with pytest.raises(UsageError, match=r"sr\.spandrel\[scale=1\] or dn\.spandrel\."):
        iqabench.load("sr.spandrel", weights=same)
    assert iqabench.load("sr.spandrel[scale=2]", weights=twice)(picture(20, 30)).shape == (1, 3, 40, 60)
    assert iqabench.load("sr.spandrel[scale=1]", weights=same)(picture(20, 30)).shape == (1, 3, 20, 30)
    assert iqabench.load("dn.spandrel", weights=same)(picture(20, 30)).shape == (1, 3, 20, 30)


def test_without_a_file_it_says_how_to_give_one() -> None:
    with pytest.raises(WeightsMissing, match=r"--weights sr\.spandrel="):
        iqabench.load("sr.spandrel")


def test_files_that_are_no_such_network_are_refused(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.zeros(3, 3)}, tmp_path / "unknown.pth")
    with pytest.raises(WeightsError, match="fits no network that spandrel"):
        iqabench.load("sr.spandrel", weights=tmp_path / "unknown.pth")
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    with pytest.raises(UnsafeWeights, match=r"torch\.nn\.modules\.linear\.Linear"):
        iqabench.load("sr.spandrel", weights=tmp_path / "module.pth")
    path, network = written("esrgan", tmp_path)
    state = {key: value for key, value in network.state_dict().items() if key != "model.1.sub.1.RDB2.conv3.0.bias"}
    with pytest.raises(KeysMismatch) as caught:
        iqabench.load("sr.spandrel", weights=save(state, path))
    assert caught.value.missing == ("model.1.sub.1.RDB2.conv3.0.bias",)


EXTRA = """
from spandrel import Architecture, ArchRegistry, ArchSupport, ImageModelDescriptor
from torch import nn

class Doubling(Architecture):
    def __init__(self):
        super().__init__(id="Doubling", detect=lambda state: "doubling.weight" in state)

    def load(self, state_dict):
        network = nn.Sequential()
        network.doubling = nn.ConvTranspose2d(3, 3, 2, stride=2, bias=False)
        return ImageModelDescriptor(
            network, state_dict, architecture=self, purpose="SR", tags=[], supports_half=True,
            supports_bfloat16=True, scale=2, input_channels=3, output_channels=3,
        )

EXTRA_REGISTRY = ArchRegistry()
EXTRA_REGISTRY.add(ArchSupport.from_architecture(Doubling()))
"""


def test_architectures_of_the_package_apart_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"doubling.weight": torch.eye(3)[..., None, None].expand(3, 3, 2, 2).contiguous()}
    path = save(state, tmp_path / "doubling.pth")
    with pytest.raises(WeightsError, match="pip install spandrel_extra_arches"):
        iqabench.load("sr.spandrel[scale=2]", weights=path)
    (tmp_path / "spandrel_extra_arches.py").write_text(EXTRA)
    monkeypatch.syspath_prepend(str(tmp_path))
    result = iqabench.load("sr.spandrel[scale=2]", weights=path)(picture(16, 20))
    sys.modules.pop("spandrel_extra_arches")
    assert torch.equal(result, picture(16, 20).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))


def test_a_network_of_one_dtype_is_not_run_in_another(tmp_path: Path) -> None:
    path, _ = written("dncnn", tmp_path)
    with pytest.raises(UsageError, match=r"DnCNN does not compute in float16\. Run it in float32\."):
        iqabench.load("dn.spandrel", weights=path, dtype="float16")
    compact, network = written("compact", tmp_path)
    half = iqabench.load("sr.spandrel", weights=compact, dtype="bfloat16")(picture(20, 30))
    assert 0 < float((half - by_hand(network, picture(20, 30))).abs().max()) < 0.05


@pytest.mark.parametrize(("scale", "name"), [(4, "compact"), (1, "compact-x1")])
def test_tiles_leave_no_seam(tmp_path: Path, scale: int, name: str) -> None:
    """Six convolutions of 3×3 see six pixels far: from 24 pixels of overlap on, tiles are the whole image."""
    path, network = written(name, tmp_path)
    model = iqabench.load(f"sr.spandrel[scale={scale},tile=48,overlap=24]", weights=path)
    torch.testing.assert_close(model(picture(70, 101)), by_hand(network, picture(70, 101)), rtol=0, atol=1e-5)


def test_neighbouring_tiles_fade_into_each_other() -> None:
    """Tiles that come out darker or brighter as a whole differ by no step: the result changes slowly across them."""
    levels = iter([0.0, 1.0, 0.0])
    line = restore_in_tiles(
        lambda x: torch.full_like(x, next(levels)), torch.zeros(1, 1, 32, 80), scale=1, tile=32, overlap=8
    )
    assert line.shape == (1, 1, 32, 80)
    assert (line[..., 1:] - line[..., :-1]).abs().max() <= 0.25 + 1e-6
    assert line[0, 0, 0, [0, 24, 26, 31, 40, 79]].tolist() == [0, 0, 0.125, 1, 1, 0]


def test_tiles_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path, _ = written("compact", tmp_path)
    with pytest.raises(UsageError, match=r"tile=40 is too small\. Give 64 or more"):
        iqabench.load("sr.spandrel[tile=40]", weights=path)


def test_the_weights_of_real_esrgan(tmp_path: Path) -> None:
    """The real file of sr.realesrgan, brought into the layout of its authors, makes the same photo."""
    network = pytest.importorskip("iqabench_enhancer_rrdbnet.network").RRDBNet(blocks=6)
    load_weights = pytest.importorskip("iqabench_enhancer_rrdbnet.checkpoint").load_weights
    try:
        known = iqabench.load("sr.realesrgan[model=x4plus-anime]")
    except WeightsMissing:
        pytest.skip("the weights of sr.realesrgan are not installed")
    load_weights(network, *known.context.weights.values())
    path = save(network.state_dict(), tmp_path / "RealESRGAN_x4plus_anime_6B.pth", wrappers=("params_ema",))
    image = avg_pool2d(picture(96, 128), 4)
    result = iqabench.load("sr.spandrel", weights=path)(image)
    assert result.std() > 0.05
    torch.testing.assert_close(result, known(image), rtol=0, atol=1e-4)
