"""Adapters and shards of the official layout, in which queries, keys and values are one matrix."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from iqabench.lmm.adapters import merge_adapter
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_iqa_internvl2.network import convert

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "configs.json").read_text())["hd32"]
RANK, ALPHA = 8, 32
NAMES = ("language_model.model.layers.1.attention.wqkv", "language_model.model.layers.0.feed_forward.w2", "mlp1.1")


def test_a_fused_matrix_is_updated_before_it_is_split(tmp_path: Path) -> None:
    """As ms-swift saves an adapter that it trained on the official code."""
    state = generate(read_manifest(HERE / "manifest.json", "hd32"))
    draws = torch.Generator().manual_seed(0)
    adapter, expected = {}, dict(state)
    for name in NAMES:
        weight = state[f"{name}.weight"]
        down = torch.randn(RANK, weight.shape[1], generator=draws)
        up = torch.randn(weight.shape[0], RANK, generator=draws)
        adapter |= {
            f"base_model.model.{name}.lora_A.weight": down,
            f"base_model.model.{name}.lora_B.weight": up,
        }
        expected[f"{name}.weight"] = weight + ALPHA / RANK * up @ down
    config = tmp_path / "adapter_config.json"
    plain = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": r"^(language_model|mlp1).*"}
    config.write_text(json.dumps(plain))
    weights = {config.name: config, "adapter_model.bin": save(adapter, tmp_path / "adapter_model.bin")}
    merged = convert(merge_adapter(state, weights), CONFIG, "made")
    by_hand = convert(expected, CONFIG, "made")
    assert merged.keys() == by_hand.keys()
    for key, value in by_hand.items():
        torch.testing.assert_close(merged[key], value, rtol=1e-5, atol=1e-5)
    changed = "model.language_model.layers.1.self_attn.v_proj.weight"
    assert not torch.allclose(merged[changed], convert(state, CONFIG, "made")[changed], atol=0.1)
