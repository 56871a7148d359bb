"""The control network: a copy of the U-Net's encoder that is shown the prior (Zhang et al., ICCV 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from iqabench.compat.libraries import library_class
from iqabench.diffusion.architecture import UNetConfig
from iqabench.diffusion.encoder import UNetEncoder
from iqabench_enhancer_quadprior.prior import CHANNELS

if TYPE_CHECKING:
    from torch import Tensor

HINT_WIDTHS = (16, 32, 96, 256)


class ControlNet(UNetEncoder):
    """Latents (N, 4, h, w), times (N,), context (N, L, D) and a hint -> what is added to the U-Net's features.

    Made on the meta device, of diffusers' parts under diffusers' names. The hint is what ``embed`` makes of the
    prior once; the same at every time, it is not made anew as the official code does.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        options = {
            name: value for name, value in config.options().items() if name not in ("out_channels", "up_block_types")
        }
        with torch.device("meta"):
            whole = library_class("diffusers", "ControlNetModel")(
                **options, conditioning_channels=CHANNELS, conditioning_embedding_out_channels=HINT_WIDTHS
            )
        self.controlnet_cond_embedding = whole.controlnet_cond_embedding
        self.controlnet_down_blocks = whole.controlnet_down_blocks
        self.controlnet_mid_block = whole.controlnet_mid_block
        self.eval()

    def embed(self, prior: Tensor) -> Tensor:
        """(N, 6, 8·h, 8·w) -> the hint, (N, C, h, w)."""
        hint: Tensor = self.controlnet_cond_embedding(prior)
        return hint

    def residuals(self, latents: Tensor, timesteps: Tensor, context: Tensor, hint: Tensor) -> list[Tensor]:
        """In the order in which the U-Net makes its own features, the middle block's last."""
        *features, middle = self(latents, timesteps, context, hint=hint)
        added = [convolve(each) for convolve, each in zip(self.controlnet_down_blocks, features, strict=True)]
        return [*added, self.controlnet_mid_block(middle)]
