"""The size of LightenDiffusion's networks and its noise schedule; the defaults are those released."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``channels``: width of the decomposition network, a multiple of 8. ``unet_channels``: width of the U-Net's
    first level, a multiple of 32; ``unet_multipliers`` give that of each level, each of ``unet_blocks`` blocks,
    with attention at ``unet_attention_level`` alone. Betas rise linearly over ``timesteps``."""

    channels: int = 64
    unet_channels: int = 64
    unet_multipliers: tuple[int, ...] = (1, 2, 3, 4)
    unet_blocks: int = 2
    unet_attention_level: int = 2
    timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
