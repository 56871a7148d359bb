"""PASD's UNet: Stable Diffusion's with pixel-aware cross attention (Yang et al., ECCV 2024, section 3.3).

Every block of the decoder also attends, pixel by pixel, to the features that the control branch sends to it.
Attributes are named as in the official checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from iqabench.compat.libraries import library_class
from iqabench.diffusion.encoder import embed_time, feature_widths, run_encoder
from iqabench.diffusion.folder import make_network


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Stable Diffusion 1.5 in the names of its diffusers folder."""

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    text: Mapping[str, Any]
    scheduler: Mapping[str, Any]


class PixelAwareUNet(nn.Module):
    """Made on the meta device of diffusers' blocks, under diffusers' names, with ``pixel_attentions`` beside them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        whole = make_network("UNet2DConditionModel", config)
        self.time_proj, self.time_embedding = whole.time_proj, whole.time_embedding
        self.conv_in, self.down_blocks, self.mid_block = whole.conv_in, whole.down_blocks, whole.mid_block
        self.up_blocks = whole.up_blocks
        self.conv_norm_out, self.conv_act, self.conv_out = whole.conv_norm_out, whole.conv_act, whole.conv_out
        widths = config["block_out_channels"]
        *skips, _ = feature_widths(widths, config["layers_per_block"])
        with torch.device("meta"):
            for block, width in zip(self.up_blocks, reversed(widths), strict=True):
                block.pixel_attentions = nn.ModuleList(
                    library_class("diffusers", "Transformer2DModel")(
                        num_attention_heads=config["attention_head_dim"],  # diffusers' name for the number of heads
                        attention_head_dim=width // config["attention_head_dim"],
                        in_channels=width,
                        num_layers=1,
                        cross_attention_dim=skips.pop(),
                        norm_num_groups=config["norm_num_groups"],
                    )
                    for _ in block.resnets
                )
        self.eval().requires_grad_(False)

    def forward(self, latents: Tensor, timesteps: Tensor, context: Tensor, control: Sequence[Tensor]) -> Tensor:
        """Latents (N, C, H, W) at times (N,), with context (N, L, D) -> ε (N, C, H, W).

        ``control`` are the control branch's features: one for each skip connection, then the middle block's.
        """
        time = embed_time(self, latents, timesteps)
        *skips, x = run_encoder(self, self.conv_in(latents), time, context)
        *hints, middle = control
        skips = [skip + hint for skip, hint in zip(skips, hints, strict=True)]
        x = x + middle
        for block in self.up_blocks:
            attentions = getattr(block, "attentions", [None] * len(block.resnets))
            for resnet, attention, pixels in zip(block.resnets, attentions, block.pixel_attentions, strict=True):
                x = resnet(torch.cat((x, skips.pop()), dim=1), time)
                if attention is not None:
                    x = attention(x, encoder_hidden_states=context, return_dict=False)[0]
                x = pixels(x, encoder_hidden_states=hints.pop().flatten(2).mT, return_dict=False)[0]
            for upsampler in block.upsamplers or ():
                x = upsampler(x, skips[-1].shape[-2:])  # a side that is not a multiple of 8 was rounded up
        result: Tensor = self.conv_out(self.conv_act(self.conv_norm_out(x)))
        return result


def make_control(config: Mapping[str, Any]) -> Any:
    """The control branch: diffusers' ControlNetModel, on the meta device.

    Its encoder of the image learnt to remove degradation, by outputs that are not needed any more.
    """
    return make_network("ControlNetModel", config)


TRAINING_ONLY = ("controlnet_cond_embedding.to_rgbs.*",)
"""Of the control branch's file: what only supervises its encoder."""
