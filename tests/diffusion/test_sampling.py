"""Schedules, noise by seeds, prompts, and the memory that a model needs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from iqabench import EnhancerSpec
from iqabench.compat.libraries import library_class
from iqabench.devices import memory_of, require_memory
from iqabench.diffusion import schedules
from iqabench.diffusion.declaring import OFFLOAD
from iqabench.diffusion.memory import resting_place, running
from iqabench.diffusion.noise import SeededNoise
from iqabench.diffusion.prompts import encode_words, read_tokenizer, tokenise
from iqabench.errors import PluginError, UsageError, WeightsError


def test_the_schedule_is_that_of_diffusers() -> None:
    scheduler = library_class("diffusers", "DDPMScheduler")(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    )
    betas = schedules.zero_terminal_snr(schedules.scaled_linear_betas())
    np.testing.assert_allclose(schedules.alphas_cumprod(betas), scheduler.alphas_cumprod.numpy(), rtol=1e-4, atol=1e-7)
    assert schedules.alphas_cumprod(betas)[-1] == 0


def test_times() -> None:
    assert schedules.evenly_spaced(4).tolist() == [0, 333, 666, 999]
    assert schedules.evenly_spaced(1).tolist() == [0]
    assert schedules.descending(4).tolist() == [999, 749, 499, 249]


def test_noise_is_each_images_own() -> None:
    alone = SeededNoise([7])
    together = SeededNoise([3, 7])
    for _ in range(2):
        assert torch.equal(alone((1, 4, 5))[0], together((2, 4, 5))[1])
    with pytest.raises(ValueError, match="2 seeds"):
        together((3, 4))


def test_prompts_of_known_words() -> None:
    """The ids are those of OpenAI's vocabulary."""
    tokens, ends = tokenise(["", "Photo, low quality"], pad=49407)
    assert tokens[0].tolist() == [49406] + [49407] * 76
    assert tokens[1, :6].tolist() == [49406, 1125, 267, 1042, 3027, 49407]
    assert ends.tolist() == [1, 5]
    assert tokenise(["low " * 100])[0][0, [0, 75, 76]].tolist() == [49406, 1042, 49407]
    assert encode_words("32K") == [274, 273, 330]


def test_other_words_need_the_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqabench.weights.sources.PackageSource.locate", lambda source: None)
    with pytest.raises(PluginError, match=r"'zyzzyva'.*pip install open_clip_torch"):
        encode_words("a photo of a zyzzyva")


def test_a_tokenizer_of_an_official_folder(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"c": 0, "a": 1, "t</w>": 2, "ca": 3, "cat</w>": 4, "<|endoftext|>": 5}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n")
    encode = read_tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert encode("Cat") == [4]
    (tmp_path / "merges.txt").write_text("nonsense\n")
    with pytest.raises(WeightsError, match="no list of merges"):
        read_tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")


SPEC = EnhancerSpec(
    id="sr.large",
    summary="Large",
    load="large:load",
    licence="MIT",
    task="sr",
    memory_mb=16000,
    dtypes=("float32", "float16"),
    params=(OFFLOAD,),
)


def test_a_device_that_is_too_small_is_refused_beforehand() -> None:
    cuda = torch.device("cuda", 0)
    with pytest.raises(UsageError, match=r"16000 MB .* float32, and cuda:0 has 8188 MB.*offload=true.*float16"):
        require_memory(SPEC, {"offload": False}, cuda, torch.float32, 8188)
    require_memory(SPEC, {"offload": False}, cuda, torch.float16, 8188)
    require_memory(SPEC, {"offload": True}, cuda, torch.float32, 8188)
    require_memory(SPEC, {"offload": False}, cuda, torch.float32, 24000)
    require_memory(SPEC, {"offload": False}, cuda, torch.float32, None)


@pytest.mark.skipif(sys.platform == "win32", reason="memory cannot be told there")
def test_main_memory_is_known() -> None:
    assert (memory_of(torch.device("cpu")) or 0) > 500


def test_networks_rest_in_main_memory() -> None:
    network = nn.Linear(2, 2)
    assert resting_place(torch.device("meta"), offload=True) == "cpu"
    assert resting_place(torch.device("meta"), offload=False) == torch.device("meta")
    with running(network, device=torch.device("cpu"), offload=True):
        assert network.weight.device.type == "cpu"
    with pytest.raises(ZeroDivisionError), running(network, device=torch.device("cpu"), offload=True):
        raise ZeroDivisionError
