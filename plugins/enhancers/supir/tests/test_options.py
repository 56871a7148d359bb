"""What a user may choose, and what SDXL is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import KeysMismatch, UsageError
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, save
from iqabench.types import ParamValue
from iqabench.weights.config import read_config
from iqabench_enhancer_supir import SR, checkpoint
from iqabench_enhancer_supir.config import NEGATIVE, POSITIVE, Config
from iqabench_enhancer_supir.model import SDXL, size_embedding, working_size

CONFIG = Path(__file__).with_name("config_small.json")
OWN = "SUPIR-v0Q.ckpt"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder, config = tmp_path_factory.mktemp("supir"), read_config(CONFIG, Config)
    made = {
        name: save(generate(checkpoint.layout(config, base=name == SDXL), fill=recorded.fill), folder / name)
        for name in (SDXL, OWN)
    }
    yield {"config.json": CONFIG, **made}
    for path in made.values():
        path.unlink()


def enhance(files: dict[str, Path], image: Tensor, dtype: str = "auto", **params: ParamValue) -> Tensor:
    return iqabench.load("dn.supir", weights=files, dtype=dtype, **{"steps": 2, **params})(image, seeds=[5])


@pytest.fixture(scope="module")
def image() -> Tensor:
    return recorded.picture(100, 150)


@pytest.fixture(scope="module")
def usual(files: dict[str, Path], image: Tensor) -> Tensor:
    return enhance(files, image)


def test_images_are_restored_large() -> None:
    """A 4-fold enlargement of 256×192 is restored at 1344×1024; halves of 64 round to even."""
    assert working_size((768, 1024), 1024) == (1024, 1344)
    assert working_size((1056, 1120), 1024) == (1024, 1152)
    assert working_size((1, 1), 64) == (64, 64)


def test_the_autoencoder_in_tiles_is_exact(files: dict[str, Path], image: Tensor, usual: Tensor) -> None:
    assert usual.std() > 0.05
    assert float((enhance(files, image, vae_tile=64) - usual).abs().max()) <= 1.01 / 255


def test_networks_that_take_turns_give_the_same(files: dict[str, Path], image: Tensor, usual: Tensor) -> None:
    assert torch.equal(enhance(files, image, offload=True), usual)


def test_choices_tell(files: dict[str, Path], image: Tensor, usual: Tensor) -> None:
    for choice in ({"colour": "none"}, {"caption": "a tree."}, {"strength": 0.5}, {"guidance": 1.0}, {"tile": 64}):
        assert not torch.equal(enhance(files, image, **choice), usual), choice


def test_tiles_of_odd_sizes_are_refused(files: dict[str, Path], image: Tensor) -> None:
    with pytest.raises(UsageError, match="tile=100 must be a multiple of 64"):
        enhance(files, image, tile=100)


def test_half_precision_stays_near(files: dict[str, Path], image: Tensor, usual: Tensor) -> None:
    assert float((enhance(files, image, dtype="bfloat16") - usual).abs().mean()) < 0.05


def test_the_autoencoder_never_runs_in_float16(files: dict[str, Path]) -> None:
    model: Any = iqabench.load("sr.supir", weights=files, dtype="float16").model
    assert next(model.denoiser.parameters()).dtype == torch.float16
    assert next(model.autoencoder.parameters()).dtype == torch.bfloat16


def test_a_file_with_the_wrong_parts_is_refused(files: dict[str, Path], image: Tensor) -> None:
    with pytest.raises(KeysMismatch, match=r"model\.control_model"):
        enhance({**files, SDXL: files[OWN]}, image)


def test_the_licence_is_told() -> None:
    assert "non-commercial" in SR.licence
    assert "non-commercial" in SR.summary


@torch.inference_mode()
def test_prompts_are_read_before_the_last_layer(files: dict[str, Path]) -> None:
    """Of both towers, whatever follows; the pooled embedding is of the last layer, normalised, at the end mark."""
    config = read_config(CONFIG, Config)
    base = checkpoint.read_state(files[SDXL], checkpoint.SDXL_PARTS)
    towers = checkpoint.load_text_towers(config, base, files[SDXL])
    context, pooled = checkpoint.encode_prompts(towers, [NEGATIVE, POSITIVE])
    for key in base:
        if ".layers.1." in key or ".resblocks.1." in key or "final" in key or "text_projection" in key:
            base[key] = base[key] * 1.5
    other = checkpoint.encode_prompts(checkpoint.load_text_towers(config, base, files[SDXL]), [NEGATIVE, POSITIVE])
    assert context.shape == (2, 77, 64)
    assert torch.equal(other[0], context)
    assert not torch.allclose(other[1], pooled)
    assert pooled.shape == (2, 32)


def test_sizes_are_told_in_waves() -> None:
    """Cosines of 1024 first, at frequencies from 1 down to nearly 1/10000."""
    told = size_embedding().view(6, 256)
    frequencies = 10000 ** (-torch.arange(128, dtype=torch.float64) / 128)
    expected = torch.cat([torch.cos(1024 * frequencies), torch.sin(1024 * frequencies)]).float()
    for row in (0, 1, 4, 5):
        torch.testing.assert_close(told[row], expected, rtol=0, atol=1e-3)
    assert told[2].tolist() == told[3].tolist() == [1.0] * 128 + [0.0] * 128
