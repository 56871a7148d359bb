"""The contract, and what official files may hold, on small networks of the same layout."""

import io
import json
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import iqabench
from iqabench.diffusion import ldm
from iqabench.errors import KeysMismatch, UnsafeWeights, WeightsError
from iqabench.testing import EnhancerContract, recorded
from iqabench.testing.checkpoints import generate, save
from iqabench.types import ParamValue
from iqabench_enhancer_quadprior import BASE, CONTROL, EMBEDDING, VAE
from iqabench_enhancer_quadprior.checkpoint import load_network, read_context
from iqabench_enhancer_quadprior.config import Config
from iqabench_enhancer_quadprior.network import QuadPrior

SMALL = {
    "unet": {
        "model_channels": 32,
        "channel_mult": [1, 2],
        "num_res_blocks": 1,
        "attention_resolutions": [2, 1],
        "num_heads": 4,
        "context_dim": 16,
        "use_linear_in_transformer": False,
    },
    "vae": {"ch": 32, "ch_mult": [1, 1, 1, 1], "num_res_blocks": 1},
}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    config = folder / "config.json"
    config.write_text(json.dumps(SMALL), encoding="utf-8")
    network = QuadPrior(Config.read(config))
    prefix = "_forward_module.control_model."
    prior = {f"{prefix}prior_conv.{key}": tuple(value.shape) for key, value in network.prior.state_dict().items()}
    files = {
        BASE: ldm.official_keys(network.unet, ldm.unet_sources, ldm.UNET),
        CONTROL: {**ldm.official_keys(network.control, ldm.unet_sources, prefix), **prior},
        VAE: ldm.official_keys(network.vae, ldm.vae_sources, "my_vae."),
    }
    paths = {"config.json": config, EMBEDDING: folder / EMBEDDING}
    for name, keys in files.items():
        state = generate({key: (shape, "float32") for key, shape in keys.items()})
        paths[name] = save(state, folder / name, wrappers=("state_dict",))
    context = torch.randn(1, 77, 16, generator=torch.Generator().manual_seed(0))
    paths[EMBEDDING].write_bytes(pickle.dumps(context))
    return paths


class TestQuadPrior(EnhancerContract):
    id = "lle.quadprior"
    params: ClassVar = {"short_side": 64, "steps": 3}
    weights = checkpoint
    # The mean is held to account below.
    waivers: ClassVar = {"cuda": "the result is cut to steps of 1/255, and then resized"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return checkpoint(tmp_path_factory.mktemp("quadprior"), None, {})


@pytest.fixture(scope="module")
def image() -> Tensor:
    return recorded.picture(64, 64, 0)


def enhanced(files: Mapping[str, Path], image: Tensor, **params: ParamValue) -> Tensor:
    quadprior = iqabench.load("lle.quadprior", weights=files, **{"short_side": 0, "steps": 3, **params})
    result: Tensor = quadprior(image, seeds=[1])
    return result


def states(files: Mapping[str, Path], name: str) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(files[name], weights_only=True)["state_dict"]
    return found


def test_what_the_base_file_holds_besides(files: dict[str, Path], image: Tensor, tmp_path: Path) -> None:
    """Networks that others replace, and the training schedule, are passed over; nothing else is."""
    base, control, vae = (states(files, name) for name in (BASE, CONTROL, VAE))
    whole = {
        **base,
        **{key.removeprefix("_forward_module."): value for key, value in control.items() if "prior_conv" not in key},
        **{key.replace("my_vae", "first_stage_model"): value for key, value in vae.items() if ".new_" not in key},
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77)[None],
        "betas": torch.zeros(1000),
        "logvar": torch.zeros(1000),
    }
    torch.save(whole, tmp_path / BASE)
    changed = {**files, BASE: tmp_path / BASE}
    assert torch.equal(enhanced(changed, image), enhanced(files, image))
    for extra in ("control_model.prior_conv.gcm", "first_stage_model.decoder.new_last_procee.conv1.bias", "ema.x"):
        torch.save({**whole, extra: torch.zeros(3)}, tmp_path / BASE)
        with pytest.raises(KeysMismatch, match=re.escape(extra)):
            enhanced(changed, image)


def test_what_training_saves_of_the_control_network(files: dict[str, Path], image: Tensor, tmp_path: Path) -> None:
    """With the whole model around it, or without the prefix of distributed training."""
    control, base = states(files, CONTROL), states(files, BASE)
    prefix = "_forward_module."
    around = {**control, **{prefix + key: value for key, value in base.items()}, prefix + "betas": torch.zeros(1000)}
    bare = {key.removeprefix(prefix): value for key, value in control.items()}
    for saved in (around, bare):
        torch.save({"epoch": 0, "global_step": 1, "state_dict": saved}, tmp_path / CONTROL)
        assert torch.equal(enhanced({**files, CONTROL: tmp_path / CONTROL}, image), enhanced(files, image))
    torch.save({"state_dict": {**control, "adapter.weight": torch.zeros(1)}}, tmp_path / CONTROL)
    with pytest.raises(KeysMismatch, match="adapter"):
        enhanced({**files, CONTROL: tmp_path / CONTROL}, image)


def test_files_of_the_embedding(files: dict[str, Path], tmp_path: Path) -> None:
    embedding = pickle.loads(files[EMBEDDING].read_bytes())
    own = tmp_path / "own"
    for write in (
        lambda: save_file({"context": embedding}, own),
        lambda: torch.save(embedding, own),
        lambda: own.write_bytes(pickle.dumps(embedding)),
    ):
        write()
        assert torch.equal(read_context(own, (1, 77, 16)), embedding)
    with pytest.raises(KeysMismatch, match="embedding"):
        read_context(own, (1, 77, 768))
    own.write_bytes(pickle.dumps([1.0]))
    with pytest.raises(WeightsError, match="holds list"):
        read_context(own, (1, 77, 16))
    own.write_bytes(files[EMBEDDING].read_bytes()[:900])
    with pytest.raises(WeightsError, match="damaged"):
        read_context(own, (1, 77, 16))


def test_a_pickle_of_the_embedding_does_not_run(tmp_path: Path) -> None:
    """Neither what it names itself, nor what is named inside the storage that it brings."""
    trap, own = tmp_path / "trap", tmp_path / "own"
    inside = io.BytesIO()
    torch.save(Trap(trap), inside, _use_new_zipfile_serialization=False)
    for payload, refusal in ((Trap(trap), UnsafeWeights), (Storage(inside.getvalue()), WeightsError)):
        own.write_bytes(pickle.dumps(payload))
        with pytest.raises(refusal, match="mkdir"):
            read_context(own, (1, 77, 16))
        assert not trap.exists()


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


class Storage:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return torch.storage._load_from_bytes, (self.content,)


def test_batches(files: dict[str, Path]) -> None:
    """An image is enhanced alike in any batch, each by its own prior; all at once, as on a GPU."""
    network = load_network(Config.read(files["config.json"]), files)
    images = torch.cat([recorded.picture(64, 128, seed) for seed in (0, 1)])
    noise = torch.randn(2, 4, 8, 16, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        together = network(images, noise, steps=3)
        alone = torch.cat([network(images[i : i + 1], noise[i : i + 1], steps=3) for i in range(2)])
    assert (alone[0] - alone[1]).abs().mean() > 0.1
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_params(files: dict[str, Path], image: Tensor) -> None:
    plain = enhanced(files, image)
    assert torch.equal(enhanced(files, image, offload=True), plain)
    assert torch.equal(enhanced(files, image.flip(1), order="rgb").flip(1), plain)
    for other in ({"order": "rgb"}, {"steps": 4}, {"short_side": 128}):
        assert (enhanced(files, image, **other) - plain).abs().mean() > 1e-3, other
    whole = (plain * 255 - (plain * 255).round()).abs().max()
    assert whole < 1e-4, "the result is cut to steps of 1/255"


def test_back_to_the_own_size(files: dict[str, Path]) -> None:
    """By the kernel that is asked for; a larger image is shrunk first."""
    small = recorded.picture(50, 70, 0)
    made = {kernel: enhanced(files, small, resize_back=kernel) for kernel in ("bicubic", "lanczos3", "triangle")}
    assert {each.shape for each in made.values()} == {small.shape}
    assert (made["bicubic"] - made["lanczos3"]).abs().max() > 1e-3
    assert (made["bicubic"] - made["triangle"]).abs().max() > 1e-3
    assert enhanced(files, recorded.picture(130, 200, 0), short_side=64).shape == (1, 3, 130, 200)


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_stays_near(files: dict[str, Path], image: Tensor, dtype: str, drift: float) -> None:
    half = iqabench.load("lle.quadprior", weights=files, dtype=dtype, short_side=0, steps=3)
    assert 0 < float((half(image, seeds=[1]) - enhanced(files, image)).abs().mean()) < drift


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "drift"), [("float32", 0.005), ("bfloat16", 0.05), ("float16", 0.01)])
def test_cuda_stays_near(files: dict[str, Path], image: Tensor, dtype: str, drift: float) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    there = iqabench.load("lle.quadprior", weights=files, device="cuda", dtype=dtype, short_side=0, steps=3)
    assert float((there(image, seeds=[1]).cpu() - enhanced(files, image)).abs().mean()) < drift
