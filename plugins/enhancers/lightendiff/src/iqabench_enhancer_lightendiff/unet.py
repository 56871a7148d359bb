"""The noise predictor: diffusers' U-Net of DDPM (Ho et al., 2020), and its names in the official checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable

from torch import nn

from iqabench.compat.libraries import library_class
from iqabench.diffusion.ldm import Source
from iqabench_enhancer_lightendiff.config import Config

PREFIX = "Unet."
_OFFICIAL_NAMES = (
    (r"^time_embedding\.linear_1\.", "temb.dense.0."),
    (r"^time_embedding\.linear_2\.", "temb.dense.1."),
    (r"^conv_norm_out\.", "norm_out."),
    (r"^mid_block\.resnets\.0\.", "mid.block_1."),
    (r"^mid_block\.resnets\.1\.", "mid.block_2."),
    (r"^mid_block\.attentions\.0\.", "mid.attn_1."),
    (r"^(down|up)_blocks\.", r"\1."),
    (r"\.resnets\.", ".block."),
    (r"\.attentions\.", ".attn."),
    (r"\.(down|up)samplers\.0\.", r".\1sample."),
    (r"\.time_emb_proj\.", ".temb_proj."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.group_norm\.", ".norm."),
    (r"\.to_([qkv])\.", r".\1."),
    (r"\.to_out\.0\.", ".proj_out."),
)
_MATRIX = re.compile(r"\.(to_[qkv]|to_out\.0)\.weight$")


def create_unet(config: Config) -> nn.Module:
    """The network of (N, 6, H, W) and a step of time -> (N, 3, H, W); H and W are multiples of 8."""
    levels = len(config.unet_multipliers)
    attention = [level == config.unet_attention_level for level in range(levels)]
    network: nn.Module = library_class("diffusers", "UNet2DModel")(
        in_channels=6,
        out_channels=3,
        block_out_channels=tuple(config.unet_channels * by for by in config.unet_multipliers),
        layers_per_block=config.unet_blocks,
        down_block_types=tuple("AttnDownBlock2D" if here else "DownBlock2D" for here in attention),
        up_block_types=tuple("AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attention)),
        attention_head_dim=None,  # one head, whatever the width
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
    )
    return network


def official_sources(keys: Iterable[str]) -> dict[str, Source]:
    """Of a ``LightenDiffusion``, to the names of the checkpoint, which differ within the U-Net only."""
    keys = list(keys)
    levels = 1 + max(int(found[1]) for key in keys if (found := re.search(r"\.up_blocks\.(\d+)", key)))
    return {
        key: Source(
            PREFIX + _official_name(key.removeprefix(PREFIX), levels), "kernel" if _MATRIX.search(key) else "same"
        )
        if key.startswith(PREFIX)
        else Source(key)
        for key in keys
    }


def _official_name(key: str, levels: int) -> str:
    for own, official in _OFFICIAL_NAMES:
        key = re.sub(own, official, key)
    # Upward, the official code counts levels from the finest.
    return re.sub(r"^up\.(\d+)", lambda match: f"up.{levels - 1 - int(match[1])}", key)
