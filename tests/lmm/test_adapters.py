"""LoRA adapters as peft saves them, under the names of today and of earlier versions of transformers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from iqabench.errors import KeysMismatch, WeightsError, WeightsMissing
from iqabench.lmm.adapters import merge_adapter
from iqabench.lmm.qwen2vl import load, rename
from iqabench.testing.checkpoints import save
from iqabench.testing.images import natural

RANK, ALPHA = 4, 32
OLD = r"^(model)(?!.*(lm_head|output|emb|wte|shared)).*"


def adapter_of(state: Mapping[str, Tensor], folder: Path, *, newer: bool = False, **config: Any) -> dict[str, Path]:
    """An adapter on the language model's queries and gates, as ms-swift 2 saved them."""
    folder.mkdir()
    draws = torch.Generator().manual_seed(0)
    tensors = {}
    for key, weight in state.items():
        if key.endswith(("q_proj.weight", "gate_proj.weight")):
            name = key.removesuffix(".weight")
            name = name.replace("model.", "model.language_model.", 1) if newer else name
            prefix = f"base_model.model.{name}"
            tensors[f"{prefix}.lora_A.weight"] = torch.randn(RANK, weight.shape[1], generator=draws)
            tensors[f"{prefix}.lora_B.weight"] = torch.randn(weight.shape[0], RANK, generator=draws)
    plain = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": OLD, "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps({**plain, **config}))
    save(tensors, folder / "adapter_model.safetensors")
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("newer", [False, True])
def test_low_rank_updates_are_added_to_the_weights(state: Mapping[str, Tensor], tmp_path: Path, newer: bool) -> None:
    """W + alpha / r · B A, under either kind of names; the other weights stay."""
    files = adapter_of(state, tmp_path / "adapter", newer=newer)
    back = {rename(key): key for key in state}
    merged = merge_adapter({rename(key): value for key, value in state.items()}, files, rename)
    assert merged.keys() == back.keys()
    draws = torch.Generator().manual_seed(0)
    for key, weight in state.items():
        expected = weight
        if key.endswith(("q_proj.weight", "gate_proj.weight")):
            down = torch.randn(RANK, weight.shape[1], generator=draws)
            expected = weight + ALPHA / RANK * torch.randn(weight.shape[0], RANK, generator=draws) @ down
        torch.testing.assert_close(merged[rename(key)], expected, rtol=1e-5, atol=1e-5)


def test_a_scaling_by_the_root_of_the_rank(state: dict[str, Tensor], tmp_path: Path) -> None:
    plain, rooted = (
        merge_adapter(state, adapter_of(state, tmp_path / str(rooted), use_rslora=rooted)) for rooted in (False, True)
    )
    key = "model.layers.0.self_attn.q_proj.weight"
    torch.testing.assert_close(rooted[key] - state[key], (plain[key] - state[key]) * math.sqrt(RANK))


def test_the_network_of_an_adapter_scores_as_the_merged_one(
    folder: Path, state: dict[str, Tensor], tmp_path: Path, context: Any
) -> None:
    files = {path.name: path for path in folder.iterdir()}
    adapter = adapter_of(state, tmp_path / "adapter")
    merged = save(merge_adapter(state, adapter), tmp_path / "model.safetensors")
    hidden = []
    for weights in (files, files | adapter, {**files, "model.safetensors": merged}):
        model = load(context(weights))
        prompt = model.prompt("How good?")
        with torch.inference_mode():
            hidden.append(prompt.read(model.vision(natural(1, 56, 56))).hidden)
    assert not torch.allclose(hidden[0], hidden[1], atol=1e-2)
    torch.testing.assert_close(hidden[1], hidden[2], rtol=1e-5, atol=1e-5)


def test_weights_trained_whole_replace_those_of_the_checkpoint(state: dict[str, Tensor], tmp_path: Path) -> None:
    """Given apart, as Q-Align's code saves them, or inside the adapter."""
    norm = torch.full_like(state["visual.merger.ln_q.weight"], 2)
    rest = save({"base_model.model.visual.merger.ln_q.weight": norm}, tmp_path / "non_lora_trainables.bin")
    merged = merge_adapter(state, {"non_lora_trainables.bin": rest})
    assert torch.equal(merged["visual.merger.ln_q.weight"], norm)
    adapter = adapter_of(state, tmp_path / "adapter", modules_to_save=["lm_head"])
    from safetensors.torch import load_file

    head = torch.full_like(state["lm_head.weight"], 3)
    tensors = {**load_file(adapter["adapter_model.safetensors"]), "base_model.model.lm_head.weight": head}
    save(tensors, adapter["adapter_model.safetensors"])
    assert torch.equal(merge_adapter(state, adapter)["lm_head.weight"], head)


def test_a_half_precision_checkpoint_stays_so(state: dict[str, Tensor], tmp_path: Path) -> None:
    half = {key: value.bfloat16() for key, value in state.items()}
    merged = merge_adapter(half, adapter_of(state, tmp_path / "adapter"))
    assert {value.dtype for value in merged.values()} == {torch.bfloat16}


def test_adapters_that_do_not_fit_are_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    files = adapter_of(state, tmp_path / "adapter")
    for name, lacking in (("adapter_config.json", "adapter_model"), ("adapter_model.safetensors", "adapter_config")):
        with pytest.raises(WeightsMissing, match=lacking):
            merge_adapter(state, {name: files[name]})
    from safetensors.torch import load_file

    tensors = load_file(files["adapter_model.safetensors"])
    first = next(iter(tensors))
    other = {**tensors, first.replace("layers.0", "layers.9"): tensors[first].clone()}
    with pytest.raises(KeysMismatch, match=r"layers\.9"):
        merge_adapter(state, {**files, "adapter_model.safetensors": save(other, tmp_path / "other.safetensors")})
    fewer = {key: value for key, value in tensors.items() if key != first}
    with pytest.raises(KeysMismatch):
        merge_adapter(state, {**files, "adapter_model.safetensors": save(fewer, tmp_path / "fewer.safetensors")})
    files["adapter_config.json"].write_text(json.dumps({"peft_type": "IA3"}))
    with pytest.raises(WeightsError, match="IA3"):
        merge_adapter(state, files)


def test_without_an_adapter_nothing_changes(state: dict[str, Tensor]) -> None:
    assert merge_adapter(state, {}) == state
