"""Against outputs of the official networks, recorded with the same made weights, images and noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.diffusion.folder import make_network, make_text_tower
from iqabench.diffusion.prompts import END, tokenise
from iqabench.errors import KeysMismatch, UsageError
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench.weights.config import read_config
from iqabench.weights.safe import read_checkpoint
from iqabench_enhancer_pasd import network
from iqabench_enhancer_pasd.model import PASD
from iqabench_enhancer_pasd.network import Config, PixelAwareUNet, make_control
from iqabench_enhancer_pasd.sampling import full, make_scheduler, shares, start

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"
OFFICIAL = Path(network.__file__).with_name("config.json")
CAPTION = "a cat on the grass"
TO_RGB = {
    f"controlnet_cond_embedding.to_rgbs.{i}.{part}": shape
    for i, width in enumerate((32, 96, 256))
    for part, shape in (("weight", (3, width, 3, 3)), ("bias", (3,)))
}
RECORDED = recorded.read_outputs(HERE / "recorded.npz")
CASES = ["64x64_i0", "72x104_i0", "72x104_i1"]
WAYS = {"image": "pinned", "image-2023": "old018"}


def layouts(path: Path) -> dict[str, dict[str, tuple[int, ...]]]:
    """The keys and shapes of the official files that networks of a configuration take."""
    config = read_config(path, Config)
    networks = {
        "unet": PixelAwareUNet(config.unet),
        "controlnet": make_control(config.unet),
        "vae": make_network("AutoencoderKL", config.vae),
        "text_encoder": make_text_tower(config.text),
    }
    found = {name: {key: shape for key, (shape, _) in manifest_of(each).items()} for name, each in networks.items()}
    text = {f"text_model.{key.removeprefix('text_model.')}": shape for key, shape in found["text_encoder"].items()}
    return {**found, "controlnet": found["controlnet"] | TO_RGB, "text_encoder": text}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("pasd")
    found = {"config.json": HERE / "config.json"}
    for name, shapes in layouts(HERE / "config.json").items():
        state = generate({key: (shape, "float32") for key, shape in shapes.items()}, fill=recorded.fill)
        found[f"{name}.safetensors"] = save(state, folder / f"{name}.safetensors")
    yield found
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def model(weights: dict[str, Path]) -> PASD:
    loaded: PASD = iqabench.load("dn.pasd", weights=weights, caption=CAPTION, process_size=64, steps=4).model
    return loaded


def changed(model: PASD, **settings: Any) -> PASD:
    return replace(model, settings=replace(model.settings, **settings))


def picture(case: str) -> Tensor:
    height, width = map(int, case.split("_", maxsplit=1)[0].split("x"))
    return recorded.picture(height, width, int(case.split("_")[1].removeprefix("i")))


def off(result: Tensor, expected: Tensor) -> float:
    """The relative L2 error."""
    return float((result.double() - expected.double()).norm() / expected.double().norm())


def test_layouts_are_the_official_ones() -> None:
    for name, shapes in layouts(OFFICIAL).items():
        assert shapes == {key: shape for key, (shape, _) in read_manifest(MANIFEST, name).items()}, name


def test_prompts(model: PASD) -> None:
    prompts = [f"{CAPTION}clean, high-resolution, 8k"]
    prompts += ["blurry, dotted, noise, raster lines, unclear, lowres, over-smoothed"]
    tokens, _ = tokenise(prompts, pad=END)
    assert torch.equal(tokens, torch.cat((RECORDED["ids_pos"], RECORDED["ids_neg"])))
    assert off(model.settings.context[1, ::4], RECORDED["emb_pos"]) < 1e-5


def test_schedule(model: PASD) -> None:
    scheduler = make_scheduler(model.settings.schedule, 20)
    assert torch.equal(scheduler.timesteps, RECORDED["unipc20_timesteps"])
    assert torch.equal(scheduler.sigmas, RECORDED["unipc20_sigmas"])
    assert shares(scheduler, 0) == pytest.approx((0.06826, 0.99767), abs=1e-5)
    assert shares(scheduler, 19) == pytest.approx((0.97549, 0.22005), abs=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_networks(model: PASD, case: str) -> None:
    image, settings = picture(case), model.settings
    with torch.inference_mode():
        assert torch.equal(model.enlarge(image), image)
        assert off(model.encode(image)[0] * settings.latent_scale, RECORDED[f"{case}_vae_mean"]) < 1e-4
        assert off(model.control.controlnet_cond_embedding(image)[:, ::8], RECORDED[f"{case}_hint"]) < 1e-4
        latents = recorded.noises()(RECORDED[f"{case}_vae_mean"].shape)
        context = settings.context[1:]
        hints = model.hints(latents, image, 501, context)
        assert len(hints) == 13
        for at, name, step in ((0, "down0", 8), (5, "down5", 8), (11, "down11", 1), (12, "mid", 1)):
            assert off(hints[at][:, ::step], RECORDED[f"{case}_{name}"]) < 1e-4
        for time, name, hint in (
            *((time, f"eps_t{time}", image) for time in (999, 501, 50)),
            (501, "eps_t501_hintx40", (image - 0.5) * 40),
        ):
            made = model.unet(latents, full(time, latents), context, model.hints(latents, hint, time, context))
            assert off(made, RECORDED[f"{case}_{name}"]) < 1e-4


@pytest.mark.gpu
def test_networks_on_cuda(weights: dict[str, Path]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    model: PASD = iqabench.load(
        "dn.pasd", weights=weights, device="cuda", dtype="float32", caption=CAPTION, process_size=64, steps=4
    ).model
    image, case = picture(CASES[0]).cuda(), CASES[0]
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        assert off(model.encode(image)[0].cpu() * model.settings.latent_scale, RECORDED[f"{case}_vae_mean"]) < 1e-4
        latents = recorded.noises()(RECORDED[f"{case}_vae_mean"].shape).cuda()
        context = model.settings.context[1:].cuda()
        made = model.unet(latents, full(501, latents), context, model.hints(latents, image, 501, context))
        assert off(made.cpu(), RECORDED[f"{case}_eps_t501"]) < 1e-3


@pytest.mark.parametrize(("way", "case"), [*(("image", case) for case in CASES), ("image-2023", CASES[0])])
def test_start(model: PASD, way: str, case: str) -> None:
    """Of the image, much more is left than in the code of 2023."""
    noise = recorded.noises()
    scheduler = make_scheduler(model.settings.schedule, 4)
    with torch.inference_mode():
        mean, deviation = model.encode(picture(case))
        latents = (mean + deviation * noise(mean.shape)) * model.settings.latent_scale
        found = start(scheduler, latents, mean.shape, noise, way)
    assert off(found, RECORDED[f"{case}_start_{WAYS[way]}"]) < 1e-5


@pytest.mark.parametrize("way", list(WAYS))
def test_sampling(model: PASD, way: str) -> None:
    """Four guided steps, decoded, in the colours of the input.

    Networks of made weights multiply rounding errors by ten thousand over these steps; so larger images, which do
    so by more, are not compared.
    """
    case = CASES[0]
    with torch.inference_mode():
        latents = changed(model, start=way).restore(picture(case), recorded.noises())
        shown = model.colour(model.decode(latents), picture(case))[0].permute(1, 2, 0) * 255
    assert off(latents, RECORDED[f"{case}_latent4_{WAYS[way]}"]) < 0.02
    assert (shown - RECORDED[f"{case}_final_{WAYS[way]}"]).abs().mean() < 1


def test_start_from_noise_does_not_see_the_image(model: PASD) -> None:
    scheduler = make_scheduler(model.settings.schedule, 4)
    assert torch.equal(
        start(scheduler, None, (1, 4, 8, 8), recorded.noises(), "noise"), recorded.noises()((1, 4, 8, 8))
    )


def test_tiles_leave_what_a_pixel_by_pixel_network_makes(model: PASD) -> None:
    """Tiles see their own part of the image and of the latents, and are blended; a whole tile changes nothing."""

    def network(latents: Tensor, timesteps: Tensor, context: Tensor, control: list[Tensor]) -> Tensor:
        return latents * control[0] + timesteps[:, None, None, None] + context.mean(dim=(1, 2))[:, None, None, None]

    class Control:
        def __call__(self, latents: Tensor, *rest: Any, **options: Any) -> tuple[list[Tensor], Tensor]:
            return [torch.nn.functional.avg_pool2d(rest[2], 8).mean(dim=1, keepdim=True)], latents

    image, latents = picture("72x104_i0"), recorded.noises()((1, 4, 9, 13))
    whole = replace(model, unet=network, control=Control())
    tiled = changed(whole, tile=6, overlap=2)
    torch.testing.assert_close(
        tiled.predict(latents, image, 50), whole.predict(latents, image, 50), rtol=1e-5, atol=1e-4
    )


def test_tiles_of_the_autoencoder_are_exact(model: PASD) -> None:
    with torch.inference_mode():
        whole, tiled = (changed(model, vae_tile=tile) for tile in (0, 64))
        means = [each.encode(picture(CASES[1]))[0] for each in (whole, tiled)]
        images = [each.decode(means[0] * 0.18215) for each in (whole, tiled)]
    assert off(means[1], means[0]) < 1e-4
    assert (images[1] - images[0]).abs().max() < 1.1 / 255


def test_sizes(model: PASD) -> None:
    """Images are enlarged by the scale, then to the least side, then cut to a multiple of 8."""
    large = changed(model, scale=4)
    assert large.enlarge(picture("20x31_i0")).shape == (1, 3, 80, 120)
    assert large.enlarge(picture("12x19_i0")).shape == (1, 3, 64, 96)  # 101 at first
    assert model.enlarge(picture("48x71_i0")).shape == (1, 3, 64, 88)  # 94 at first


def test_noise_comes_from_each_image_s_seed(weights: dict[str, Path]) -> None:
    images = torch.cat([picture(f"16x20_i{i}") for i in range(2)])
    options: dict[str, Any] = {"weights": weights, "process_size": 64, "steps": 1}
    ready = iqabench.load("sr.pasd", **options)
    alone = torch.cat([ready(images[i : i + 1], seeds=[i + 5]) for i in range(2)])
    assert torch.equal(ready(images[[1, 0]], seeds=[6, 5]), alone[[1, 0]])
    assert (ready(images[:1], seeds=[6]) - alone[:1]).abs().mean() > 0.01
    assert torch.equal(iqabench.load("sr.pasd", offload=True, **options)(images[:1], seeds=[5]), alone[:1])


@pytest.mark.slow
def test_half_precision_stays_near(weights: dict[str, Path]) -> None:
    options: dict[str, Any] = {"weights": weights, "process_size": 64, "steps": 1}
    exact, half = (
        iqabench.load("sr.pasd", dtype=dtype, **options)(picture("16x20_i0"), seeds=[5])
        for dtype in ("float32", "bfloat16")
    )
    assert 0 < (exact - half).abs().mean() < 0.1


def test_another_unet_is_refused(weights: dict[str, Path], tmp_path: Path) -> None:
    state = read_checkpoint(weights["unet.safetensors"])
    plain = {key: value for key, value in state.items() if "pixel_attentions" not in key}
    other = {**weights, "unet.safetensors": save(plain, tmp_path / "unet.safetensors")}
    with pytest.raises(KeysMismatch, match=r"312 missing \(up_blocks\.0\.pixel_attentions\.0"):
        iqabench.load("dn.pasd", weights=other)


def test_tiles_that_cannot_be_are_refused(weights: dict[str, Path]) -> None:
    for tile, overlap in ((100, 8), (64, 64)):
        with pytest.raises(UsageError, match="multiples of 8, and the overlap less than the tile"):
            iqabench.load("dn.pasd", weights=weights, tile=tile, overlap=overlap)
