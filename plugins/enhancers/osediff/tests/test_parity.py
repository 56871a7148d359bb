"""Against outputs of the official code, recorded with the same made weights, images and noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.diffusion.folder import make_network, make_text_tower
from iqabench.diffusion.prompts import tokenise
from iqabench.errors import KeysMismatch, UsageError
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench.weights.config import read_config
from iqabench.weights.safe import read_checkpoint
from iqabench_enhancer_osediff import config as package
from iqabench_enhancer_osediff.config import Config, RamConfig
from iqabench_enhancer_osediff.lora import BASE, RANK, layout, unet_adapters, vae_adapters
from iqabench_enhancer_osediff.model import LAST, OSEDiff, _cut
from iqabench_enhancer_osediff.tagger import Ram, Tagger, load_ram
from iqabench_enhancer_osediff.tagger import layout as dape_layout

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"
OFFICIAL = Path(package.__file__).with_name("config.json")
PROMPT = "cat, grass, window, ,"
RECORDED = recorded.read_outputs(HERE / "recorded.npz")
CASES = ["36x40_i0_tile96", "30x37_i1_tile96", "36x40_i1_tile16"]


def networks(path: Path) -> dict[str, Any]:
    config = read_config(path, Config)
    return {
        "unet": make_network("UNet2DConditionModel", config.unet),
        "vae": make_network("AutoencoderKL", config.vae),
        "text_encoder": make_text_tower(config.text),
    }


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: shape for key, (shape, _) in manifest_of(network).items()}


def layouts(path: Path) -> dict[str, dict[str, tuple[int, ...]]]:
    """The keys and shapes of each part of the official files that networks of a configuration take."""
    found = {name: shapes_of(network) for name, network in networks(path).items()}
    text = {f"text_model.{key.removeprefix('text_model.')}": shape for key, shape in found["text_encoder"].items()}
    return {
        **found,
        "text_encoder": text,
        "lora_unet": layout(found["unet"], unet_adapters(found["unet"]), RANK, BASE),
        "lora_vae": layout(found["vae"], vae_adapters(found["vae"]), RANK),
    }


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return generate({key: (shape, "float32") for key, shape in shapes.items()}, fill=recorded.fill)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("osediff")
    parts = {name: filled(shapes) for name, shapes in layouts(HERE / "config.json").items()}
    files = {f"{name}.safetensors" for name in ("unet", "vae", "text_encoder")}
    found = {name: save(parts[name.removesuffix(".safetensors")], folder / name) for name in files}
    adapters = {f"state_dict_{name}": parts[f"lora_{name}"] for name in ("unet", "vae")}
    torch.save({"rank_unet": 4, "rank_vae": 4, "unet_lora_encoder_modules": ["conv_in"], **adapters}, folder / "o.pkl")
    yield {**found, "osediff.pkl": folder / "o.pkl", "config.json": HERE / "config.json"}
    for path in folder.iterdir():
        path.unlink()


def loaded(weights: dict[str, Path], **params: Any) -> OSEDiff:
    options = {"tags": "cat, grass, window", "process_size": 128, **params}
    model: OSEDiff = iqabench.load("sr.osediff", weights=weights, **options).model
    return model


@pytest.fixture(scope="module")
def model(weights: dict[str, Path]) -> OSEDiff:
    return loaded(weights)


def changed(model: OSEDiff, **settings: Any) -> OSEDiff:
    return replace(model, settings=replace(model.settings, **settings))


def picture(case: str) -> Tensor:
    size, number = case.split("_")[:2]
    height, width = map(int, size.split("x"))
    return recorded.picture(height, width, int(number.removeprefix("i")))


def noise(shape: Sequence[int]) -> Tensor:
    return recorded.normal("noise.0", shape)


def off(result: Tensor, expected: Tensor) -> float:
    """The relative L2 error."""
    return float((result.double() - expected.double()).norm() / expected.double().norm())


def test_layouts_are_the_official_ones() -> None:
    for name, shapes in layouts(OFFICIAL).items():
        assert shapes == {key: shape for key, (shape, _) in read_manifest(MANIFEST, name).items()}, name


def test_the_layout_of_the_tagger_is_the_official_one() -> None:
    with torch.device("meta"):
        own = shapes_of(Ram(RamConfig()))
    official = {key: shape for key, (shape, _) in read_manifest(MANIFEST, "ram").items()}
    for stage in (2, 1, 0):
        at = f"visual_encoder.layers.{stage}.downsample."
        official = {key.replace(at, at.replace(str(stage), str(stage + 1))): v for key, v in official.items()}
    tables = ("relative_position_index", "attn_mask")
    assert own == {key: shape for key, shape in official.items() if not key.endswith(tables)}
    dape = {key: shape for key, (shape, _) in read_manifest(MANIFEST, "dape").items()}
    wanted = dape_layout(RamConfig())
    assert {key: dape[key] for key in wanted} == wanted
    assert all(key.startswith(("tag_encoder.", "text_decoder.")) for key in dape.keys() - wanted.keys())


def test_prompt_and_schedule(model: OSEDiff) -> None:
    """Of the signal's variance 0.466 % are left at the last time."""
    assert LAST == 999
    assert float(model.settings.signal) == pytest.approx(0.0046600951, abs=1e-10)
    assert model.prompts(picture(CASES[0])) == [PROMPT]
    assert changed(model, prompt="sharp").prompts(picture(CASES[0])) == ["cat, grass, window, sharp,"]
    tokens, _ = tokenise([PROMPT])
    assert torch.equal(tokens, RECORDED["input_ids"])
    with torch.inference_mode():
        assert off(model.embed([PROMPT])[0, ::4], RECORDED["prompt_embeds"]) < 1e-5


@pytest.mark.parametrize("case", CASES)
def test_image(model: OSEDiff, case: str) -> None:
    """The input as it is enlarged, what the networks make of it, and the result in the colours of the input."""
    if case.endswith("tile16"):
        model = changed(model, tile=16, overlap=4)
    with torch.inference_mode():
        plain, context = model.enlarge(picture(case)), model.embed([PROMPT])
        assert torch.equal(as_bytes(plain), RECORDED[f"{case}_lr_u8"])
        if f"{case}_vae_mean" in RECORDED:
            mean = RECORDED[f"{case}_vae_mean"]
            assert off(model.encode_image(plain)[0], mean) < 1e-4
            assert off(model.predict(0.18215 * mean, context), RECORDED[f"{case}_eps"]) < 1e-4
        made = model.restore(plain, context, noise)
        assert off(made[..., ::3, ::3], RECORDED[f"{case}_out"]) < 1e-4
        for colour in ("adain", "wavelet"):
            shown = as_bytes(changed(model, colour=colour).colour(_cut(made * 0.5 + 0.5), plain)).float()
            difference = (shown - RECORDED[f"{case}_{colour}_u8"]).abs()
            assert difference.mean() < 0.01
            assert difference.max() <= 1


def test_the_size_is_that_of_the_input_times_the_scale(model: OSEDiff) -> None:
    """Small images are enlarged before, and sides cut to a multiple of 8; both are undone."""
    small = changed(model, short_side=16)
    with torch.inference_mode():
        assert small.enlarge(picture("15x18_i0")).shape == (1, 3, 64, 72)
        assert small.enhance(picture("15x18_i0"), noise).shape == (1, 3, 60, 72)


def as_bytes(images: Tensor) -> Tensor:
    """The pixels that were recorded: every third, from the second row on."""
    return (images[0, :, 1::3, ::3].permute(1, 2, 0) * 255).round().to(torch.uint8)


def test_tiles_of_the_autoencoder_are_exact(model: OSEDiff) -> None:
    plain = changed(model, short_side=16).enlarge(picture("20x26_i0"))
    with torch.inference_mode():
        whole, tiled = (changed(model, vae_tile=tile).restore(plain, model.embed([PROMPT]), noise) for tile in (0, 64))
    assert off(tiled, whole) < 1e-4


def test_noise_comes_from_each_image_s_seed(weights: dict[str, Path]) -> None:
    images = torch.cat([picture(f"16x20_i{i}") for i in range(2)])
    options: dict[str, Any] = {"weights": weights, "tags": "cat, grass, window", "process_size": 64}
    ready = iqabench.load("sr.osediff", **options)
    alone = torch.cat([ready(images[i : i + 1], seeds=[i + 5]) for i in range(2)])
    assert torch.equal(ready(images[[1, 0]], seeds=[6, 5]), alone[[1, 0]])
    assert 0 < (ready(images[:1], seeds=[6]) - alone[:1]).abs().mean() < 0.2
    assert torch.equal(iqabench.load("sr.osediff", offload=True, **options)(images[:1], seeds=[5]), alone[:1])


@pytest.mark.slow
def test_half_precision_stays_near(weights: dict[str, Path]) -> None:
    options: dict[str, Any] = {"weights": weights, "tags": "cat, grass, window", "process_size": 64}
    exact, half = (
        iqabench.load("sr.osediff", dtype=dtype, **options)(picture("16x20_i0"), seeds=[5])
        for dtype in ("float32", "bfloat16")
    )
    assert 0 < (exact - half).abs().mean() < 0.05


def test_old_names_of_the_autoencoder_s_attention_load(
    model: OSEDiff, weights: dict[str, Path], tmp_path: Path
) -> None:
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = read_checkpoint(weights["vae.safetensors"])
    for new, name in old.items():
        state = {key.replace(f".attentions.0.{new}.", f".attentions.0.{name}."): value for key, value in state.items()}
    assert sum("proj_attn" in key for key in state) == 4
    other = loaded({**weights, "vae.safetensors": save(state, tmp_path / "vae.safetensors")})
    assert all(torch.equal(value, other.vae.state_dict()[key]) for key, value in model.vae.state_dict().items())


def test_adapters_of_another_network_are_refused(weights: dict[str, Path], tmp_path: Path) -> None:
    adapters = torch.load(weights["osediff.pkl"], weights_only=True)
    del adapters["state_dict_vae"]["quant_conv.lora_A.default_encoder.weight"]
    torch.save(adapters, tmp_path / "osediff.pkl")
    with pytest.raises(KeysMismatch, match=r"1 missing \(quant_conv\.lora_A\.default_encoder\.weight"):
        loaded({**weights, "osediff.pkl": tmp_path / "osediff.pkl"})


def test_tiles_that_cannot_be_are_refused(weights: dict[str, Path]) -> None:
    for tile, overlap in ((100, 8), (64, 64)):
        with pytest.raises(UsageError, match="multiples of 8, and the overlap less than the tile"):
            loaded(weights, tile=tile, overlap=overlap)


def test_tags_are_those_over_their_thresholds() -> None:
    class Logits(torch.nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images[:, 0, 0]

    tagger = Tagger(Logits(), ["cat", "grass", "sky"], [0.5, 0.9, 0.5])  # type: ignore[arg-type]
    logits = torch.tensor([[1.0, 2.0, 1.0], [-1.0, 3.0, 0.0], [-9.0, -9.0, -9.0]])
    assert tagger(logits[:, None, None].expand(3, 3, 1, 3)) == ["cat, sky", "grass", ""]


@pytest.mark.slow
def test_the_tagger_in_full_size(tmp_path: Path) -> None:
    """Of 215 million parameters; the adapters of DAPE matter by two thousandths here."""
    files = {name: tmp_path / f"{name}.pth" for name in ("ram", "dape")}
    for name, path in files.items():
        save(generate(read_manifest(MANIFEST, name), fill=recorded.fill), path)
    with torch.inference_mode():
        network = Ram(RamConfig()).eval()
        load_ram(network, RamConfig(), files["ram"], files["dape"])
        for path in files.values():
            path.unlink()
        for i in (0, 1):
            image = recorded.picture(384, 384, i)
            assert off(network.embed(image)[0, ::8, ::8], RECORDED[f"ram_i{i}_tokens"]) < 1e-4
            logits = network(image)[0, ::5]
            expected = RECORDED[f"ram_i{i}_logits"]
            assert off(logits, expected) < 1e-5
            assert off(logits - expected.mean(), expected - expected.mean()) < 1e-3
