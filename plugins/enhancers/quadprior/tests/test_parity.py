"""Against outputs of the official code, recorded with the same made weights, images, noise and context.

The U-Net and its control network were a fifth as wide; the autoencoder was whole. The official code takes images
as OpenCV reads them, so a recorded image stands for one whose channels are the other way round.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.diffusion import ldm
from iqabench.images import to_pixels
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_enhancer_quadprior import BASE, CONTROL, EMBEDDING, VAE, model
from iqabench_enhancer_quadprior.config import PACKAGED, Config
from iqabench_enhancer_quadprior.network import QuadPrior
from iqabench_enhancer_quadprior.prior import COLOUR_MODEL

HERE = Path(__file__).parent
PREFIX = "_forward_module.control_model."
RECORDED = recorded.read_outputs(HERE / "recorded.npz")
CASES: list[tuple[int, int, int]] = [tuple(case) for case in RECORDED["cases"].tolist()]
SOME = [case if at < 1 else pytest.param(case, marks=pytest.mark.slow) for at, case in enumerate(CASES)]


def noise(shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(recorded.fill("noise", shape))


def error(found: Tensor, name: str, at: int) -> float:
    """Relative L2."""
    expected = RECORDED[f"{name}_{at}"]
    return float((found - expected).norm() / expected.norm())


def official_keys(network: QuadPrior) -> dict[str, dict[str, tuple[int, ...]]]:
    """What each official file holds, as far as it is read."""
    prior = {f"{PREFIX}prior_conv.{key}": tuple(value.shape) for key, value in network.prior.state_dict().items()}
    return {
        BASE: ldm.official_keys(network.unet, ldm.unet_sources, ldm.UNET),
        CONTROL: {**ldm.official_keys(network.control, ldm.unet_sources, PREFIX), **prior},
        VAE: ldm.official_keys(network.vae, ldm.vae_sources, "my_vae."),
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("quadprior")
    config = json.loads(PACKAGED.read_text(encoding="utf-8"))
    config["unet"]["model_channels"] = 64
    paths = {name: folder / name for name in ("config.json", BASE, CONTROL, VAE, EMBEDDING)}
    paths["config.json"].write_text(json.dumps(config), encoding="utf-8")
    paths[EMBEDDING].write_bytes(pickle.dumps(torch.from_numpy(recorded.fill("context", (1, 77, 768)))))
    for name, keys in official_keys(QuadPrior(Config.read(paths["config.json"]))).items():
        state = generate({key: (shape, "float32") for key, shape in keys.items()}, fill=recorded.fill)
        if name == CONTROL:
            state[f"{PREFIX}prior_conv.gcm"] = torch.tensor(COLOUR_MODEL)  # as recorded
        save(state, paths[name], wrappers=("state_dict",))
    yield paths
    for path in paths.values():
        path.unlink()  # 510 MB


@pytest.fixture(scope="module")
def quadprior(weights: dict[str, Path]) -> Loaded:
    return iqabench.load("lle.quadprior[short_side=0]", weights=weights)


@pytest.fixture(scope="module")
def network(quadprior: Loaded) -> QuadPrior:
    found: QuadPrior = quadprior.model.network
    return found


@pytest.mark.parametrize("case", SOME, ids=str)
def test_networks(network: QuadPrior, case: tuple[int, int, int]) -> None:
    """The prior, single evaluations, what the control network adds, and both halves of the autoencoder."""
    at, image = CASES.index(case), recorded.picture(*case)
    start = noise((1, 4, case[0] // 8, case[1] // 8))
    with torch.inference_mode():
        assert network.prior.scale(image) == pytest.approx(RECORDED[f"scale_{at}"].tolist(), abs=1e-5)
        assert error(network.prior(image)[0, :, 1::3, 2::5], "prior", at) < 1e-5
        hint = network.hint(image)
        for timestep in (999.0, 499.5, 99.9):
            assert error(network.predict_noise(start, timestep, hint)[0], f"eps_{timestep}", at) < 5e-5
        added = network.control.residuals(start, torch.tensor([499.5]), network.context, hint)
        assert error(torch.cat([each.mean((2, 3))[0] for each in added]), "control", at) < 5e-5
        assert error(added[-1][0], "middle", at) < 5e-5
        assert error(network.vae.moments(2 * image - 1)[0], "moments", at) < 5e-5
        features = network.features(image)
        assert error(torch.cat([each.mean((2, 3))[0] for each in features]), "features", at) < 1e-5
        decoded = network.vae.decode(start, features)
        assert error(decoded[0, :, 1::3, 2::3], "dec", at) < 5e-5


@pytest.mark.parametrize("case", SOME, ids=str)
def test_sampling(
    quadprior: Loaded, network: QuadPrior, case: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole, of eight evaluations; the official code made twenty, with a guidance of 9."""
    at, sampled, decoded = CASES.index(case), [], []
    monkeypatch.setattr(model, "SeededNoise", lambda *_: noise)
    for name, kept in (("sample", sampled), ("decode", decoded)):
        run = getattr(network, name)
        monkeypatch.setattr(network, name, lambda *given, run=run, kept=kept: kept.append(run(*given)) or kept[-1])
    enhanced = quadprior(recorded.picture(*case).flip(1)).flip(1)
    assert error(sampled[0][0], "sampled", at) < 5e-5
    assert error(decoded[0][0, :, 1::3, 2::3], "out", at) < 5e-5
    pixels = torch.from_numpy(to_pixels(enhanced[0])[1::3, 2::3]).float()
    assert float((pixels - RECORDED[f"uint8_{at}"]).abs().mean()) < 0.01


def test_features_need_no_more_of_the_encoder(network: QuadPrior) -> None:
    """They are what the whole encoder makes at the last block of each level, on its way to the moments."""
    image = 2 * recorded.picture(*CASES[0]) - 1
    seen: list[Tensor] = []
    hooks = [
        block.resnets[-1].register_forward_hook(lambda _, __, made: seen.append(made))
        for block in network.vae.encoder.down_blocks
    ]
    with torch.inference_mode():
        network.vae.moments(image)
        full = [image, *seen[:3]]
        for hook in hooks:
            hook.remove()
        assert len(seen) == 4
        assert all(map(torch.equal, network.vae.features(image), full))


def test_guidance_changes_nothing(network: QuadPrior) -> None:
    """Both predictions that it would weigh against each other have the same hint and the same text."""
    image, start = recorded.picture(*CASES[0]), noise((1, 4, 8, 16))
    with torch.inference_mode():
        hint = network.hint(image)
        once = network.predict_noise(start, 499.5, hint)
        without, with_hint = network.predict_noise(start.repeat(2, 1, 1, 1), 499.5, hint.repeat(2, 1, 1, 1)).chunk(2)
        torch.testing.assert_close(without + 9 * (with_hint - without), once, rtol=0, atol=2e-5)


def test_full_size() -> None:
    """All that the official files hold, or replace, has its place; on the meta device."""
    network = QuadPrior(Config.read())
    counts = [
        sum(value.numel() for value in part.parameters()) for part in (network.unet, network.control, network.vae)
    ]
    assert [round(count / 1e6, 2) for count in counts] == [859.52, 361.28, 92.80]
    for name, keys in official_keys(network).items():
        manifest = read_manifest(HERE / "manifest.json", name)
        expected = {key: shape for key, (shape, _) in manifest.items() if name != BASE or key.startswith(ldm.UNET)}
        assert keys == expected, name
