"""MA-AGIQA's architecture, as ``ma-agiqa.json`` gives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The defaults are the authors'. ``side`` is that of the square image, ``patch`` of its patches; ``width``,
    ``vit_layers`` and ``vit_heads`` are the ViT's, of which the layers ``taps`` (from 0) are read; ``window``,
    ``depths``, ``heads`` and ``mlp`` are the Swin transformers', whose layers count ``scale`` times; ``tabs`` is the
    number of blocks that attend across channels; ``semantic`` is the width of mPLUG-Owl2's features."""

    side: int = 224
    patch: int = 8
    width: int = 768
    vit_layers: int = 12
    vit_heads: int = 12
    taps: tuple[int, ...] = (6, 7, 8, 9)
    window: int = 4
    depths: tuple[int, ...] = (2, 2)
    heads: tuple[int, ...] = (4, 4)
    mlp: int = 768
    tabs: int = 2
    scale: float = 0.8
    semantic: int = 4096

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.side // self.patch

    @property
    def tokens(self) -> int:
        return self.grid**2
