"""Networks from the files of a diffusers folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from iqabench.diffusion.folder import load_text_tower, make_network, make_text_tower, own_keys, read_vae_state
from iqabench.diffusion.ldm import fill
from iqabench.errors import KeysMismatch
from iqabench.testing.checkpoints import generate, manifest_of, save

VAE = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [16, 16],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "norm_num_groups": 8,
    "layers_per_block": 1,
}
TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}


def test_old_names_of_attention_are_read(tmp_path: Path) -> None:
    """As files saved before diffusers 0.13 have them, those of Stable Diffusion 1.5 among them."""
    network = make_network("AutoencoderKL", VAE)
    state = generate(manifest_of(network))
    old = state
    for new, name in {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}.items():
        old = {key.replace(f".attentions.0.{new}.", f".attentions.0.{name}."): value for key, value in old.items()}
    assert len(old.keys() & state.keys()) == len(state) - 16
    read = read_vae_state(save(old, tmp_path / "vae.safetensors"))
    assert read.keys() == state.keys()
    fill(network, read, own_keys, tmp_path)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_text_towers_load_with_or_without_the_table_of_positions(tmp_path: Path) -> None:
    shapes = manifest_of(make_text_tower(TEXT))
    state = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in generate(shapes).items()}
    tokens = torch.tensor([[1, 5, 2]])
    states = []
    for extra in ({}, {"text_model.embeddings.position_ids": torch.arange(77)[None]}):
        tower = load_text_tower(TEXT, save(state | extra, tmp_path / "text.safetensors"))
        states.append(tower(tokens).last_hidden_state)
    assert states[0].shape == (1, 3, 16)
    assert torch.equal(*states)
    del state["text_model.final_layer_norm.bias"]
    with pytest.raises(KeysMismatch, match=r"1 missing \(text_model\.final_layer_norm\.bias\)"):
        load_text_tower(TEXT, save(state, tmp_path / "text.safetensors"))
