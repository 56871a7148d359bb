"""The architecture of GLARE; the defaults are those of both official checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

LATENT = 3
"""Channels of the latent, which the codebook's entries have too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``channels`` and ``multipliers`` give the widths of the autoencoders' levels, each half the size of the one
    before, and ``blocks`` their depth; all widths are multiples of 32.

    ``codes`` is the size of the codebook. The flow has ``flow_levels`` times ``plain_steps`` steps without a
    coupling and ``coupled_steps`` with one, of ``condition`` input and ``hidden`` inner channels. ``unused`` are
    the widths of a convolution that no image passes through.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4)
    blocks: int = 2
    codes: int = 8192
    condition: int = 64
    hidden: int = 64
    flow_levels: int = 2
    plain_steps: int = 2
    coupled_steps: int = 12
    deformable_groups: int = 4
    unused: tuple[int, int] = (320, 384)

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.channels * multiplier for multiplier in self.multipliers)
