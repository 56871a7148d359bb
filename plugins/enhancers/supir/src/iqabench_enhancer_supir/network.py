"""SDXL, led by a control network through adapters: one evaluation of the noise.

Yu et al., "Scaling Up to Excellence: Practicing Model Scaling for Photo-Realistic Image Restoration In the Wild",
CVPR 2024; https://github.com/Fanghua-Yu/SUPIR. Written from the paper; the licence of its code and weights admits
non-commercial use only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from iqabench.diffusion.architecture import UNetConfig, VaeConfig, make_unet, make_vae
from iqabench.diffusion.encoder import UNetEncoder, embed_time, run_encoder
from iqabench_enhancer_supir.adapters import make_adapters
from iqabench_enhancer_supir.config import UNUSED

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench_enhancer_supir.config import Config


class ControlNetwork(UNetEncoder):
    """A copy of SDXL's encoder; the latents of the poor image join after the first convolution."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        with torch.device("meta"):
            self.input_hint_block = nn.Sequential(nn.Conv2d(config.in_channels, config.model_channels, 3, padding=1))

    def features(
        self, latents: Tensor, condition: Tensor, timesteps: Tensor, context: Tensor, vector: Tensor
    ) -> list[Tensor]:
        """One for each skip of the UNet, first to last, and one for its middle block."""
        hint = self.input_hint_block(condition)
        return self.forward(latents, timesteps, context, vector=vector, hint=hint)


class Denoiser(nn.Module):
    """UNet, control network and adapters: ε."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        unet = UNetConfig.read(config.unet, *UNUSED)
        self.unet = make_unet(unet)
        self.control = ControlNetwork(UNetConfig.read(config.control, *UNUSED)).eval()
        with torch.device("meta"):
            self.adapters = make_adapters(unet).requires_grad_(False)

    def forward(
        self,
        latents: Tensor,
        condition: Tensor,
        timesteps: Tensor,
        context: Tensor,
        vector: Tensor,
        strength: float = 1.0,
    ) -> Tensor:
        """Noisy latents and those of the condition, (N, 4, H, W), at times (N,), context (N, L, D), vector (N, V)."""
        control = self.control.features(latents, condition, timesteps, context, vector)
        unet = self.unet
        time = embed_time(unet, latents, timesteps, vector)
        *skips, x = run_encoder(unet, unet.conv_in(latents), time, context)
        adapters = reversed(self.adapters)
        x = next(adapters)(control.pop(), x, strength=strength)
        for block in unet.up_blocks:
            for i, resnet in enumerate(block.resnets):
                feature = control.pop()
                x = resnet(next(adapters)(feature, skips.pop(), x, strength), time)
                if getattr(block, "has_cross_attention", False):
                    x = block.attentions[i](x, encoder_hidden_states=context, return_dict=False)[0]
            for sampler in block.upsamplers or ():
                x = sampler(next(adapters)(feature, x, strength))
        made: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(x)))
        return made


class Autoencoder(nn.Module):
    """SDXL's, and a second encoder that was trained to see through degradation."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        vae = VaeConfig.read(config.ddconfig)
        self.vae: Any = make_vae(vae)
        self.robust = nn.ModuleDict({"encoder": make_vae(vae).encoder})
