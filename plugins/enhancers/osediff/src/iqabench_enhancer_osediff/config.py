"""The architecture: Stable Diffusion 2.1 in the names of its diffusers folder, and the Recognize Anything Model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class RamConfig:
    """RAM with Swin-L (Zhang et al., CVPR 2024 workshops, arXiv:2306.03514). The first five describe the Swin.

    ``embedding`` is the width of image tokens and of the tags' embeddings, ``hidden`` that of the tagging head.
    ``rank`` is of DAPE's adapters.
    """

    image_size: int = 384
    embed_dim: int = 192
    depths: tuple[int, ...] = (2, 2, 18, 2)
    num_heads: tuple[int, ...] = (6, 12, 24, 48)
    window_size: int = 12
    tags: int = 4585
    embedding: int = 512
    hidden: int = 768
    heads: int = 4
    layers: int = 2
    intermediate: int = 3072
    rank: int = 8

    @property
    def vision_width(self) -> int:
        return int(self.embed_dim * 2 ** (len(self.depths) - 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``ram`` holds the fields of RamConfig that differ from the official ones."""

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    text: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    ram: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tagger(self) -> RamConfig:
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in self.ram.items()
        }
        return RamConfig(**given)
