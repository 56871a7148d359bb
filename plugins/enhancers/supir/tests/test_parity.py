"""Against outputs of the official code, recorded with the same made weights, images and noise, of a reduced network
(64 channels instead of 320, transformers of one and two blocks); contexts were given, not encoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from iqabench.compat.pillow import BICUBIC, resize
from iqabench.diffusion.colour import adaptive_instance_normalisation, wavelet_reconstruction
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest
from iqabench.weights.config import read_config
from iqabench_enhancer_supir import checkpoint, sampling
from iqabench_enhancer_supir.config import Config
from iqabench_enhancer_supir.model import SDXL, WEIGHTS, Settings, Supir, to_bytes, working_size
from iqabench_enhancer_supir.network import Autoencoder, Denoiser

HERE = Path(__file__).parent
RECORDED = recorded.read_outputs(HERE / "recorded.npz")
LARGER = "w0_64x128_i0"


def differs(value: Tensor, name: str) -> float:
    expected = RECORDED[name].double()
    assert value.shape == expected.shape
    return float((value.double() - expected).norm() / expected.norm())


@pytest.fixture(scope="module")
def supir() -> Supir:
    config = read_config(HERE / "config_reduced.json", Config)
    denoiser, autoencoder = Denoiser(config).eval(), Autoencoder(config).eval()
    own = generate(checkpoint.layout(config, base=False), fill=recorded.fill)
    towers = (checkpoint.CLIP, checkpoint.OPEN_CLIP)  # of the full size, and not recorded
    base = {key: row for key, row in checkpoint.layout(config, base=True).items() if not key.startswith(towers)}
    states, paths = (generate(base, fill=recorded.fill), own), (Path(SDXL), Path(WEIGHTS["Q"]))
    checkpoint.fill_denoiser(denoiser, *states, paths)
    checkpoint.fill_autoencoder(autoencoder, *states, paths)
    contexts = [
        torch.cat([recorded.normal(f"{name}_neg", size), recorded.normal(name, size)])
        for name, size in CONTEXTS.items()
    ]
    settings = Settings(
        scale=1,
        strength=1.0,
        colour="wavelet",
        tile=0,
        vae_tile=0,
        latent_scale=config.scale_factor,
        min_size=config.min_size,
        context=contexts[0],
        vector=contexts[1],
        device=torch.device("cpu"),
        dtype=torch.float32,
        vae_dtype=torch.float32,
        offload=False,
    )
    return Supir(denoiser, autoencoder, sampling.Settings(steps=4), settings)


CONTEXTS: dict[str, tuple[int, ...]] = {"ctx": (1, 77, 128), "y": (1, 160)}


def test_sigmas() -> None:
    """Exact."""
    assert torch.equal(sampling.sigmas_of(50), RECORDED["sigmas50"])
    assert torch.equal(sampling.sigmas_of(4), RECORDED["sigmas4"])
    assert torch.equal(sampling.all_sigmas()[::50], RECORDED["denoiser_sigmas"])


@pytest.mark.parametrize(
    ("name", "upscale", "min_size", "seed"), [("60x90", 2, 192, 0), ("100x70", 1, 128, 1), ("200x150", 1, 128, 0)]
)
def test_sizes(name: str, upscale: int, min_size: int, seed: int) -> None:
    """To the size at which it is restored, every 16th pixel, and back to bytes, every fourth."""
    height, width = map(int, name.split("x"))
    wanted = (height * upscale, width * upscale)
    given = resize(recorded.picture(height, width, seed), working_size(wanted, min_size), BICUBIC) * 2 - 1
    (key,) = (key for key in RECORDED if key.startswith(f"pil2tensor_{name}"))
    assert differs(given[0, :, ::16, ::16], key) < 1e-6
    back = to_bytes(given, wanted)[0, :, ::4, ::4].movedim(0, -1)
    assert float((back - RECORDED[f"tensor2pil_{name}"]).abs().max()) == 0


@torch.inference_mode()
def test_autoencoder(supir: Supir) -> None:
    """The robust encoder, what the decoder makes of it (every third pixel), and the plain encoder of that."""
    condition = supir.encode(recorded.picture(64, 128, 0) * 2 - 1, robust=True)[0]
    assert differs(condition, f"{LARGER}_denoise_enc") < 1e-4
    first = supir.decode(condition)
    assert differs(first[..., ::3, ::3], f"{LARGER}_stage1") < 1e-4
    assert differs(supir.encode(first)[0], f"{LARGER}_enc_stage1_mode") < 1e-4


@pytest.mark.parametrize("size", [(64, 64), (64, 128)])
@torch.inference_mode()
def test_one_evaluation(supir: Supir, size: tuple[int, int]) -> None:
    name = f"w0_{size[0]}x{size[1]}_i0"
    condition = supir.encode(recorded.picture(*size, 0) * 2 - 1, robust=True)[0]
    latents = recorded.normal("xt", tuple(condition.shape))
    context, vector = supir.settings.context[1:], supir.settings.vector[1:]
    features = supir.denoiser.control.features(latents, condition, torch.tensor([400]), context, vector)
    assert len(features) == 10
    for i in (0, 5, 9):
        assert differs(features[i], f"{name}_control{i}") < 1e-4
    for time, strength in ((999, 1.0), (400, 1.0), (400, 0.6), (3, 1.0)):
        made = supir.denoiser(latents, condition, torch.tensor([time]), context, vector, strength)
        assert differs(made, f"{name}_unet_t{time}_s{strength}") < 1e-4


@pytest.mark.parametrize("restoration", ["-1", "4.0"])
@torch.inference_mode()
def test_a_short_sampling(supir: Supir, restoration: str) -> None:
    """With and without guidance by the first stage, decoded, in the colours of the first stage."""
    how = replace(supir, sampling=replace(supir.sampling, restoration=float(restoration)))
    condition = how.encode(recorded.picture(64, 128, 0) * 2 - 1, robust=True)[0]
    first = how.decode(condition)
    latents = how.sample(condition, recorded.noises(), how.encode(first)[0])
    assert differs(latents, f"{LARGER}_sample4_r{restoration}") < 1e-3
    decoded = how.decode(latents)
    expected = RECORDED[f"{LARGER}_decoded_r{restoration}"]
    assert float((decoded[..., ::3, ::3] - expected).abs().mean()) / 2 < 0.1 / 255
    coloured = {"wavelet": wavelet_reconstruction, "adain": adaptive_instance_normalisation}
    for name, colour in coloured.items():
        assert differs(colour(decoded, first)[..., ::3, ::3], f"{LARGER}_{name}_r{restoration}") < 1e-3


@torch.inference_mode()
def test_the_whole_is_its_parts(supir: Supir) -> None:
    """The first draw is for the first stage's latents, the others are for the sampling."""
    image = recorded.picture(64, 128, 0)
    restored = supir.restore(image * 2 - 1, recorded.noises(-1))
    assert differs(restored[..., ::3, ::3], f"{LARGER}_wavelet_r-1") < 1e-3


def test_official_layouts() -> None:
    """Key for key and shape for shape, at the full size."""
    official = read_config(HERE.parent / "src" / "iqabench_enhancer_supir" / "config.json", Config)
    for base, name in ((True, SDXL), (False, WEIGHTS["Q"])):
        assert checkpoint.layout(official, base=base) == read_manifest(HERE / "manifest.json", name)
