"""Official checkpoints, read key for key into networks of diffusers and transformers of any configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iqabench.compat.libraries import library_class
from iqabench.diffusion import ldm
from iqabench.diffusion.architecture import TextConfig, UNetConfig, VaeConfig, make_text_tower, make_unet, make_vae
from iqabench.diffusion.encoder import UNetEncoder, feature_widths
from iqabench.diffusion.folder import own_keys
from iqabench.errors import KeysMismatch, WeightsError
from iqabench.testing.checkpoints import generate

SMALL = UNetConfig(
    model_channels=32, channel_mult=(1, 2), attention_resolutions=(2,), num_head_channels=16, context_dim=24
)
VAE = VaeConfig(ch=32, ch_mult=(1, 1, 2), num_res_blocks=1)
TEXT = TextConfig(width=32, heads=4, layers=2, vocab_size=100)


def made(module: nn.Module, naming: ldm.Naming, prefix: str = "") -> dict[str, Tensor]:
    """A checkpoint in the official layout."""
    shapes = ldm.official_keys(module, naming, prefix)
    return generate({key: (shape, "float32") for key, shape in shapes.items()})


@pytest.mark.parametrize(
    ("own", "official"),
    [
        ("conv_in.weight", "input_blocks.0.0.weight"),
        ("time_embedding.linear_2.bias", "time_embed.2.bias"),
        ("down_blocks.0.resnets.1.norm2.weight", "input_blocks.2.0.out_layers.0.weight"),
        ("down_blocks.0.downsamplers.0.conv.weight", "input_blocks.3.0.op.weight"),
        ("down_blocks.1.resnets.0.conv_shortcut.weight", "input_blocks.4.0.skip_connection.weight"),
        (
            "down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k.weight",
            "input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight",
        ),
        ("mid_block.attentions.0.proj_in.weight", "middle_block.1.proj_in.weight"),
        ("mid_block.resnets.1.time_emb_proj.bias", "middle_block.2.emb_layers.1.bias"),
        ("up_blocks.0.attentions.2.norm.weight", "output_blocks.2.1.norm.weight"),
        ("up_blocks.0.upsamplers.0.conv.bias", "output_blocks.2.2.conv.bias"),
        ("up_blocks.1.resnets.0.conv1.weight", "output_blocks.3.0.in_layers.2.weight"),
        ("conv_norm_out.weight", "out.0.weight"),
    ],
)
def test_blocks_of_a_unet_are_counted_in_a_row(own: str, official: str) -> None:
    assert ldm.unet_sources(make_unet(SMALL).state_dict())[own] == ldm.Source(official)


def test_blocks_without_attention_upsample_in_the_second_place() -> None:
    sources = ldm.unet_sources(make_unet(replace(SMALL, attention_resolutions=(1,))).state_dict())
    assert sources["up_blocks.0.upsamplers.0.conv.weight"].key == "output_blocks.2.1.conv.weight"


def test_a_control_network_of_pixels() -> None:
    kind = library_class("diffusers", "ControlNetModel")
    options = {name: value for name, value in SMALL.options().items() if name not in ("out_channels", "up_block_types")}
    with torch.device("meta"):
        sources = ldm.unet_sources(kind(**options).state_dict())
    assert sources["controlnet_cond_embedding.conv_in.weight"].key == "input_hint_block.0.weight"
    assert sources["controlnet_cond_embedding.blocks.5.bias"].key == "input_hint_block.12.bias"
    assert sources["controlnet_cond_embedding.conv_out.weight"].key == "input_hint_block.14.weight"
    assert sources["controlnet_down_blocks.3.weight"].key == "zero_convs.3.0.weight"
    assert sources["controlnet_mid_block.weight"].key == "middle_block_out.0.weight"


def test_the_encoder_alone_has_the_keys_and_the_features_of_the_whole() -> None:
    whole, half = make_unet(SMALL), UNetEncoder(SMALL).eval()
    state = made(whole, ldm.unet_sources)
    ldm.fill(whole, state, ldm.unet_sources, "unet")
    encoder = {key: value for key, value in state.items() if not key.startswith(("out.", "output_blocks."))}
    ldm.fill(half, encoder, ldm.unet_sources, "encoder")
    x, context, times = torch.randn(2, 4, 16, 16), torch.randn(2, 7, 24), torch.tensor([5, 900])
    seen: list[Tensor] = []
    whole.mid_block.register_forward_hook(lambda *call: seen.append(call[-1]))
    with torch.inference_mode():
        whole(x, times, encoder_hidden_states=context)
        features = half(x, times, context)
        shifted = half(x, times, context, hint=torch.ones(()))
    assert [feature.shape[1] for feature in features] == feature_widths(SMALL.channels, SMALL.num_res_blocks)
    assert len(features) == 7
    torch.testing.assert_close(features[-1], seen[0])
    torch.testing.assert_close(shifted[0], features[0] + 1)


def test_an_autoencoder() -> None:
    sources = ldm.vae_sources(make_vae(VAE).state_dict())
    expected = {
        "encoder.down_blocks.2.resnets.0.conv_shortcut.weight": "encoder.down.2.block.0.nin_shortcut.weight",
        "encoder.down_blocks.0.downsamplers.0.conv.bias": "encoder.down.0.downsample.conv.bias",
        "encoder.mid_block.resnets.1.norm1.weight": "encoder.mid.block_2.norm1.weight",
        "encoder.mid_block.attentions.0.group_norm.bias": "encoder.mid.attn_1.norm.bias",
        "decoder.up_blocks.0.resnets.1.conv2.weight": "decoder.up.2.block.1.conv2.weight",
        "decoder.up_blocks.1.upsamplers.0.conv.weight": "decoder.up.1.upsample.conv.weight",
        "decoder.conv_norm_out.weight": "decoder.norm_out.weight",
        "quant_conv.weight": "quant_conv.weight",
    }
    assert {own: sources[own].key for own in expected} == expected
    attention = sources["decoder.mid_block.attentions.0.to_out.0.weight"]
    assert attention == ldm.Source("decoder.mid.attn_1.proj_out.weight", "kernel")
    assert attention.shape((8, 8)) == (8, 8, 1, 1)


def test_an_open_clip_tower_is_split_and_turned() -> None:
    """Query, key and value are stacked there, and its projection lies the other way round."""
    tower = make_text_tower(replace(TEXT, projection=16))
    state = made(tower, ldm.open_clip_sources, "model.")
    assert state["model.text_projection"].shape == (32, 16)
    assert state["model.transformer.resblocks.1.attn.in_proj_weight"].shape == (96, 32)
    ldm.fill(tower, state, ldm.open_clip_sources, "clip", prefix="model.")
    own = {key.removeprefix("text_model."): value for key, value in tower.state_dict().items()}
    stacked = state["model.transformer.resblocks.1.attn.in_proj_weight"]
    assert torch.equal(own["encoder.layers.1.self_attn.k_proj.weight"], stacked[32:64])
    assert torch.equal(own["text_projection.weight"], state["model.text_projection"].T)
    with torch.inference_mode():
        assert tower(torch.arange(12)[None]).text_embeds.isfinite().all()


def test_a_clip_tower_of_transformers() -> None:
    tower = make_text_tower(TEXT)
    state = made(tower, ldm.clip_sources, "transformer.")
    assert "transformer.text_model.encoder.layers.0.mlp.fc1.weight" in state
    state["transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    with pytest.raises(KeysMismatch, match=r"transformer\.text_model\.embeddings\.position_ids"):
        ldm.fill(tower, state, ldm.clip_sources, "clip", prefix="transformer.")
    ldm.fill(tower, state, ldm.clip_sources, "clip", prefix="transformer.", ignored=ldm.CLIP_UNUSED)


@pytest.mark.parametrize("fault", ["missing", "unexpected", "reshaped"])
def test_faults_are_named_by_official_keys(fault: str) -> None:
    unet = make_unet(SMALL)
    state = made(unet, ldm.unet_sources, ldm.UNET)
    key = f"{ldm.UNET}input_blocks.4.1.proj_in.weight"
    if fault == "missing":
        del state[key]
    elif fault == "unexpected":
        key = f"{ldm.UNET}input_blocks.99.weight"
        state[key] = torch.zeros(1)
    else:
        state[key] = torch.zeros(1, 1)
    with pytest.raises(KeysMismatch, match=fault if fault != "reshaped" else "another shape") as caught:
        ldm.fill(unet, state, ldm.unet_sources, "file.ckpt", prefix=ldm.UNET)
    assert getattr(caught.value, fault) == (key,)
    assert all(tensor.is_meta for tensor in unet.parameters())


def test_other_parts_of_a_file() -> None:
    """The schedule and averaged weights may be there; another network may not."""
    parts = ["model.diffusion_model.a", "first_stage_model.b"]
    ldm.check_parts([*parts, "betas", "model_ema.decay"], (ldm.UNET, ldm.VAE), "file.ckpt")
    with pytest.raises(KeysMismatch, match=r"control_model\.c"):
        ldm.check_parts([*parts, "control_model.c"], (ldm.UNET, ldm.VAE), "file.ckpt")


def test_weights_are_cast_one_by_one_and_tables_are_kept() -> None:
    """What is of the dtype already is not copied."""
    network = nn.Linear(3, 2)
    network.register_buffer("table", torch.tensor([1, 2]))
    state: dict[str, Any] = {"weight": torch.ones(2, 3), "bias": torch.ones(2), "table": torch.tensor([0, 0])}
    ldm.fill(network, state, own_keys, "x", constants=("table",))
    assert network.table.tolist() == [1, 2]
    assert network.weight.data_ptr() == state["weight"].data_ptr()
    ldm.fill(network, state, own_keys, "x", constants=("table",), dtype=torch.bfloat16)
    assert network.weight.dtype == torch.bfloat16


def test_official_configurations() -> None:
    """Names that only training reads are left; others are an error."""
    official = {"image_size": 32, "use_checkpoint": True, "model_channels": 64, "channel_mult": [1, 2], "legacy": False}
    assert UNetConfig.read(official) == UNetConfig(model_channels=64, channel_mult=(1, 2))
    with pytest.raises(WeightsError, match="channel_mul"):
        UNetConfig.read({"channel_mul": [1]})
    assert VaeConfig.read({"embed_dim": 4, "ddconfig": {"ch": 32, "attn_resolutions": []}}).ch == 32
    with pytest.raises(WeightsError, match="attention"):
        VaeConfig.read({"ch": 32, "attn_resolutions": [32]})
    whole = {"text_cfg": {"layers": 24}, "layer": "penultimate"}
    assert TextConfig.read_open_clip(whole).layers == 23
