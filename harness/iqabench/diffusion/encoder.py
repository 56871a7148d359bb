"""The encoder half of a UNet: what control branches that copy it are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from iqabench.diffusion.architecture import UNetConfig, make_unet

if TYPE_CHECKING:
    from torch import Tensor


class UNetEncoder(nn.Module):
    """A UNet up to its middle block, made on the meta device of diffusers' blocks, under diffusers' names.

    ``ControlNetModel`` of diffusers is this too, but insists on an encoder of pixels and on zero convolutions.
    ``ldm.unet_sources`` tells the official keys.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        whole = make_unet(config)
        self.time_proj = whole.time_proj
        self.time_embedding = whole.time_embedding
        self.class_embedding = whole.class_embedding
        self.conv_in = whole.conv_in
        self.down_blocks = whole.down_blocks
        self.mid_block = whole.mid_block

    def forward(
        self, latents: Tensor, timesteps: Tensor, context: Tensor, *, vector: Tensor | None = None, hint: Any = None
    ) -> list[Tensor]:
        """Latents (N, C, H, W) at times (N,), with context (N, L, D) -> features, the middle block's last.

        ``vector`` (N, V) is what SDXL adds to the time embedding. ``hint`` is added to the features of the
        first convolution, where it is given.
        """
        time = embed_time(self, latents, timesteps, vector)
        x = self.conv_in(latents)
        return run_encoder(self, x if hint is None else x + hint, time, context)


def run_encoder(unet: Any, x: Tensor, time: Tensor, context: Tensor) -> list[Tensor]:
    """What the first convolution made, (N, C, H, W), through the encoder of a UNet or ``UNetEncoder``: the features
    that go to the decoder, ``x`` first, and then what its middle block makes."""
    features = [x]
    for block in unet.down_blocks:
        if getattr(block, "has_cross_attention", False):
            x, made = block(hidden_states=x, temb=time, encoder_hidden_states=context)
        else:
            x, made = block(hidden_states=x, temb=time)
        features += made
    return [*features, unet.mid_block(x, time, encoder_hidden_states=context)]


def feature_widths(channels: Sequence[int], layers: int) -> list[int]:
    """The channels of what ``run_encoder`` makes, of an encoder with ``layers`` residual blocks at each level."""
    # One more at each level is what halves the resolution; after the last, the middle block.
    return [channels[0], *(width for width in channels for _ in range(layers + 1))]


def embed_time(unet: Any, latents: Tensor, timesteps: Tensor, vector: Tensor | None = None) -> Tensor:
    """(N,) times -> (N, E), as a UNet of diffusers or a ``UNetEncoder`` embeds them; ``vector`` is added in."""
    time: Tensor = unet.time_embedding(unet.time_proj(timesteps.expand(len(latents))).to(latents.dtype))
    return time if vector is None else time + unet.class_embedding(vector.to(latents.dtype))
