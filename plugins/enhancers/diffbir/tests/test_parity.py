"""Against outputs of the official code, recorded with the same made weights, images and noise.

The second stage is a reduced one (32 channels instead of 320), the first stage has its full size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.diffusion import ldm, schedules
from iqabench.diffusion.colour import wavelet_reconstruction
from iqabench.diffusion.prompts import tokenise
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.weights.config import read_config
from iqabench_enhancer_diffbir.cleaners import BSRNet, Cleaner, SCUNet, SwinIR, load_cleaner
from iqabench_enhancer_diffbir.config import VERSIONS, Config
from iqabench_enhancer_diffbir.layout import layout
from iqabench_enhancer_diffbir.model import BASE, CONTROL, FIRST_STAGE, DiffBIR
from iqabench_enhancer_diffbir.sampling import edm_schedule, spaced_coefficients

HERE = Path(__file__).parent
REDUCED = read_config(HERE / "config_reduced.json", Config)
NEGATIVE = VERSIONS["v2"].negative_prompt
RECORDED = recorded.read_outputs(HERE / "recorded.npz")


def differs(value: Tensor, name: str) -> float:
    expected = RECORDED[name].double()
    assert value.shape == expected.shape
    return float((value.double() - expected).norm() / expected.norm())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The second stage of v2, reduced, and a first stage of the full size."""
    folder = tmp_path_factory.mktemp("diffbir")
    names = (FIRST_STAGE[BSRNet], BASE["v2"], CONTROL["v2"])
    made = {
        name: save(generate(layout(REDUCED, name), fill=recorded.fill), folder / name, wrappers=("state_dict",))
        for name in names
    }
    yield {"config.json": HERE / "config_reduced.json", **made}
    for path in made.values():
        path.unlink()  # 170 MB


@pytest.fixture(scope="module")
def diffbir(files: dict[str, Path]) -> DiffBIR:
    loaded = iqabench.load("sr.diffbir", weights=files, version="v2", steps=3)
    model: DiffBIR = loaded.model  # type: ignore[assignment]
    return model


def test_prompts(diffbir: DiffBIR) -> None:
    """The empty prompt and the negative one, every fourth token."""
    assert differs(diffbir.settings.context[:, ::4], "w0_text_embed") < 1e-4


@pytest.mark.parametrize(("size", "seed"), [((64, 64), 0), ((64, 128), 1)])
@torch.inference_mode()
def test_one_evaluation(diffbir: DiffBIR, size: tuple[int, int], seed: int) -> None:
    name = f"{size[0]}x{size[1]}"
    condition = diffbir.encode(recorded.picture(*size, seed))
    assert differs(condition, f"w0_vae_enc_{name}_i{seed}") < 1e-4
    latents = recorded.normal("noise", (1, 4, size[0] // 8, size[1] // 8))
    assert differs(diffbir.decode(latents * 0.18215)[..., ::2, ::2], f"w0_vae_dec_{name}") < 1e-4
    context = diffbir.settings.context[1:]
    residuals = diffbir.denoiser.control.residuals(latents, condition, torch.tensor([501]), context)
    assert len(residuals) == 13
    for i in (0, 4, 12):
        assert differs(residuals[i], f"w0_control{i}_{name}_t501") < 1e-4
    for time in (999, 501, 0):
        made = diffbir.denoiser(latents, condition, torch.tensor([time]), context)
        assert differs(made, f"w0_eps_{name}_t{time}") < 1e-4


@pytest.mark.parametrize(("version", "steps", "guidance"), [("v2", 3, 4.0), ("v2.1", 4, 6.0)])
@torch.inference_mode()
def test_a_short_sampling(diffbir: DiffBIR, version: str, steps: int, guidance: float) -> None:
    """From a size that needs padding, to the colours of the condition; every third pixel."""
    clean = recorded.picture(72, 136, 1)
    settings = replace(diffbir.settings, version=version, steps=steps, guidance=guidance)
    restored = replace(diffbir, settings=settings).restore(clean, recorded.noises())
    expected = RECORDED[f"w0_apply_cldm_{version}_72x136"]
    assert float((restored[..., ::3, ::3] - expected).abs().mean()) / 2 < 1 / 255
    assert differs(restored[..., ::3, ::3], f"w0_apply_cldm_{version}_72x136") < 1e-4
    coloured = wavelet_reconstruction((restored + 1) / 2, clean)
    assert differs(coloured[..., ::3, ::3], f"w0_wavelet_{version}_72x136") < 1e-4


def test_schedules() -> None:
    """Exact where they were recorded in float64."""
    v2 = schedules.scaled_linear_betas()
    v21 = schedules.zero_terminal_snr(v2)
    assert torch.equal(torch.from_numpy(schedules.alphas_cumprod(v2)[::50]), RECORDED["schedule_v2_alphas_cumprod"])
    assert torch.equal(torch.from_numpy(schedules.alphas_cumprod(v21)[::50]), RECORDED["schedule_v21_alphas_cumprod"])
    times, _, _, variance, _ = spaced_coefficients(50)
    assert times.tolist() == RECORDED["spaced50_timesteps"].tolist()
    assert torch.equal(torch.from_numpy(variance).float(), RECORDED["spaced50_posterior_variance"])
    later, sigmas = edm_schedule(10)
    assert [*later.tolist(), 0] == RECORDED["edm10_timesteps"].tolist()
    assert torch.equal(torch.from_numpy(sigmas).float(), RECORDED["edm10_sigmas"])


@pytest.mark.slow
@pytest.mark.parametrize(("version", "steps", "guidance"), [("v2", 3, 4.0), ("v2.1", 4, 6.0)])
@torch.inference_mode()
def test_the_whole(diffbir: DiffBIR, version: str, steps: int, guidance: float) -> None:
    """From a small photo to bytes, every second pixel. Both samplers were recorded after BSRNet."""
    settings = replace(diffbir.settings, version=version, steps=steps, guidance=guidance)
    made = replace(diffbir, settings=settings).enhance(recorded.picture(34, 44, 0), recorded.noises())
    pixels = (made[0, :, ::2, ::2].movedim(0, -1) * 255).round()
    difference = (pixels - RECORDED[f"w0_pipeline_{version}_34x44_u8"]).abs()
    assert float(difference.mean()) < 0.01
    assert float(difference.max()) <= 1


@pytest.fixture(scope="module")
def first_stage(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Cleaner]:
    @cache
    def load(name: str) -> Cleaner:
        kind: type[Cleaner] = {"bsrnet": BSRNet, "scunet": SCUNet, "swinir": SwinIR}[name]
        manifest = read_manifest(HERE / "manifest.json", FIRST_STAGE[kind])
        path = save(generate(manifest, fill=recorded.fill), tmp_path_factory.mktemp(name) / "any.pth")
        cleaner = load_cleaner(kind, REDUCED, path, tile=0, device="cpu")
        path.unlink()
        return cleaner

    return load


def first_stage_cases() -> Iterator[Any]:
    """One of each network, and the rest where time does not matter."""
    quick = ("bsrnet_w0_37x51_i1_net", "scunet_w0_50x77_i1_net", "swinir_w0_128x192_i0_net")
    for key in RECORDED:
        if key.startswith("stage1_"):
            name = key.removeprefix("stage1_")
            yield pytest.param(name, marks=() if name in quick else pytest.mark.slow)


@pytest.mark.parametrize("case", list(first_stage_cases()))
@torch.inference_mode()
def test_first_stage(case: str, first_stage: Callable[[str], Cleaner]) -> None:
    """Networks of the full size, every eighth pixel; with the pipelines around them, every sixteenth.

    BSRNet's and SCUNet's made weights give values in tens and ten thousands. The tables of SwinIR's windows are
    no weights: whatever the file holds there, the true ones are used.
    """
    name, _, size, seed, what, *_ = case.split("_")
    cleaner = first_stage(name)
    height, width = map(int, size.split("x"))
    image = recorded.picture(height, width, int(seed[1:]))
    if what == "net":
        made = (cleaner.run if isinstance(cleaner, SCUNet) else cleaner.network)(image)[..., ::8, ::8]
    else:
        made = cleaner(image, (4 * height, 4 * width))[..., ::16, ::16]
    assert differs(made, f"stage1_{case}") < 1e-4


def test_official_layouts() -> None:
    """Key for key and shape for shape, at the full size; v2.1's files are laid out as v2's."""
    official = read_config(HERE.parent / "src" / "iqabench_enhancer_diffbir" / "config.json", Config)
    for names in (BASE, CONTROL):
        manifest = read_manifest(HERE / "manifest.json", names["v2"])
        assert layout(official, names["v2"]) == layout(official, names["v2.1"]) == manifest
    for name in FIRST_STAGE.values():
        assert layout(official, name) == read_manifest(HERE / "manifest.json", name)


def test_full_size_prompts() -> None:
    """The official prompts are within CLIP's 77 tokens, and known without its vocabulary."""
    for version in VERSIONS.values():
        tokens, ends = tokenise([version.prompt, version.negative_prompt])
        assert tokens.shape == (2, 77)
        assert bool((ends < 77).all())


def test_the_text_tower_stops_before_its_last_block() -> None:
    unused = ldm.open_clip_unused(23, projected=False)
    assert "transformer.resblocks.23.*" in unused
    assert "transformer.resblocks.24.*" not in unused
