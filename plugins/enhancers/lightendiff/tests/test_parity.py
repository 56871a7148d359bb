"""Against outputs of the official code, recorded with the same made weights, images and noise.

Made weights cannot denoise, so the sampled latents grow to a deviation of 36, and most are clamped before they
are decoded; the decoder is therefore held to its reading of the encoder's latents as well.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

import iqabench
from iqabench.diffusion.ldm import official_keys
from iqabench.errors import UnsafeWeights
from iqabench.images import to_pixels
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_enhancer_lightendiff import model
from iqabench_enhancer_lightendiff.config import Config
from iqabench_enhancer_lightendiff.network import LightenDiffusion
from iqabench_enhancer_lightendiff.unet import official_sources

FILE = "stage2_weight.pth.tar"
MANIFEST = read_manifest(Path(__file__).with_name("manifest.json"))
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]


def noise(latents: Tensor) -> Tensor:
    return torch.from_numpy(recorded.fill("noise", tuple(latents.shape)))


def error(found: Tensor, name: str, at: int) -> float:
    """Relative L2."""
    expected = RECORDED[f"{name}_{at}"]
    return float((found[0] - expected).norm() / expected.norm())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("lightendiff") / FILE
    yield save(generate(MANIFEST, fill=recorded.fill), path, wrappers=("state_dict",))
    path.unlink()  # 111 MB


@pytest.fixture(scope="module")
def lightendiff(checkpoint: Path) -> Loaded:
    return iqabench.load("lle.lightendiff", weights=checkpoint)


@pytest.fixture(scope="module")
def network(lightendiff: Loaded) -> LightenDiffusion:
    found: LightenDiffusion = lightendiff.model.network
    return found


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_stages(network: LightenDiffusion, size: tuple[int, int, int]) -> None:
    """The encoder, Retinex, single evaluations of the U-Net, and the decoder of the encoder's own latents."""
    at, image = SIZES.index(size), recorded.picture(*size)
    image = pad(image, (0, -size[1] % 64, 0, -size[0] % 64), mode="reflect")
    with torch.inference_mode():
        latents, pyramid = network.encode(image)
        reflectance, illumination = network.decom.retinex(latents)
        noises = {t: network.predict_noise(latents, noise(latents), t) for t in (950, 500, 0)}
        decoded = network.decode(2 * latents - 1, pyramid)
    assert error(latents, "low_fea", at) < 1e-5
    assert error(reflectance, "low_R", at) < 1e-5
    assert error(illumination, "low_L", at) < 1e-5
    for t, found in noises.items():
        assert error(found, f"unet_t{t}", at) < 5e-5
    assert error(decoded[..., 3::7, 2::7], "dec", at) < 1e-5


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sampling(
    lightendiff: Loaded, network: LightenDiffusion, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole, by 20 steps from the recorded noise; one of the sizes is padded and cropped back."""
    at, sampled = SIZES.index(size), []
    monkeypatch.setattr(model, "SeededNoise", lambda *_: lambda shape: noise(torch.empty(shape)))
    sample = network.sample
    monkeypatch.setattr(network, "sample", lambda *given: sampled.append(sample(*given)) or sampled[-1])
    enhanced = lightendiff(recorded.picture(*size))
    assert error(sampled[0], "sampled", at) < 5e-5
    expected = RECORDED[f"pred_x_{at}"].clamp(0, 1)
    assert float((enhanced[0, :, 3::7, 2::7] - expected).abs().max()) < 1e-4
    pixels = torch.from_numpy(to_pixels(enhanced[0])[::3, 1::3]).float()
    assert float((pixels - RECORDED[f"uint8_{at}"]).abs().mean()) < 0.01


def test_retinex_changes_nothing(network: LightenDiffusion) -> None:
    """The official order of things decomposes the latents of the image, twice, and encodes it anew to decode."""
    image = recorded.picture(128, 192, 0)
    with torch.inference_mode():
        pair = torch.cat((image, image), dim=1)
        (latents, _), (others, _) = (network.encode(half) for half in pair.chunk(2, dim=1))
        maps = [network.decom.retinex(each) for each in (latents, others)]
        sampled = network.sample(latents, noise(latents), steps=3)
        _, pyramid = network.encode(image)
        full = network.decode(sampled, pyramid)
        assert maps[0][0].std() > 0.01
        assert torch.equal(network(image, noise(latents), steps=3), full)


def test_full_size() -> None:
    with torch.device("meta"):
        network = LightenDiffusion(Config())
    keys = {f"module.{key}": shape for key, shape in official_keys(network, official_sources).items()}
    assert keys == {key: shape for key, (shape, _) in MANIFEST.items()}


def test_seeds(lightendiff: Loaded) -> None:
    """The noise is of each image's seed, whatever is beside it."""
    images = recorded.picture(128, 192, 0)[..., :64, :64].repeat(3, 1, 1, 1)
    together = lightendiff(images, seeds=[1, 2, 1])
    assert torch.equal(together[0], together[2])
    assert (together[0] - together[1]).abs().max() > 0.01
    assert torch.equal(lightendiff(images[:1], seeds=[2])[0], together[1])


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.01), ("float16", 0.002)])
def test_half_precision_stays_near(lightendiff: Loaded, checkpoint: Path, dtype: str, drift: float) -> None:
    image = recorded.picture(100, 135, 1)[..., :64, :64]
    half = iqabench.load("lle.lightendiff", weights=checkpoint, dtype=dtype)(image)
    assert 0 < float((half - lightendiff(image)).abs().mean()) < drift


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "drift"), [("float32", 0.002), ("bfloat16", 0.01), ("float16", 0.002)])
def test_cuda_stays_near(lightendiff: Loaded, checkpoint: Path, dtype: str, drift: float) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    image = recorded.picture(100, 135, 1)
    there = iqabench.load("lle.lightendiff", weights=checkpoint, device="cuda", dtype=dtype)(image).cpu()
    assert float((there - lightendiff(image)).abs().mean()) < drift


def test_steps(lightendiff: Loaded, checkpoint: Path) -> None:
    image = recorded.picture(100, 135, 1)[..., :64, :64]
    few = iqabench.load("lle.lightendiff[steps=3]", weights=checkpoint)(image)
    assert (few - lightendiff(image)).abs().mean() > 1e-3


def test_checkpoint_of_training(lightendiff: Loaded, checkpoint: Path, tmp_path: Path) -> None:
    """It holds the settings as namespaces, and averaged weights, which are not for enhancing."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    settings = Namespace(model=Namespace(ch=64, ch_mult=[1, 2, 3, 4]), device=torch.device("cuda"))
    saved = {
        "step": 7,
        "epoch": 1,
        "state_dict": state,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 2e-5, "params": [0]}]},
        "ema_helper": {key.removeprefix("module."): torch.zeros(1) for key in state},
        "params": Namespace(config="unsupervised.yml", resume=""),
        "config": settings,
    }
    torch.save(saved, tmp_path / FILE)
    image = recorded.picture(100, 135, 1)[..., :64, :64]
    assert torch.equal(iqabench.load("lle.lightendiff", weights=tmp_path / FILE)(image), lightendiff(image))
    torch.save({**saved, "config": print}, tmp_path / FILE)
    with pytest.raises(UnsafeWeights, match="print"):
        iqabench.load("lle.lightendiff", weights=tmp_path / FILE)
    (tmp_path / FILE).unlink()
