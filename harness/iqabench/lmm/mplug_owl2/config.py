"""The architecture of an mPLUG-Owl2 checkpoint, read from the ``config.json`` that lies beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from iqabench.errors import WeightsError
from iqabench.weights.config import read_json

Part = TypeVar("Part")
ARCHITECTURE = "mplug_owl2"


@dataclass(frozen=True, kw_only=True, slots=True)
class VisionConfig:
    """The image tower, a ViT-L/14. ``image_size`` is the side of the square that images are resized to."""

    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    image_size: int = 448
    patch_size: int = 14
    layer_norm_eps: float = 1e-6
    hidden_act: str = "quick_gelu"

    @property
    def tokens(self) -> int:
        """One a patch, and the class token."""
        return (self.image_size // self.patch_size) ** 2 + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class AbstractorConfig:
    """The module that makes few tokens of many. ``grid_size`` is the number of patches along a side."""

    hidden_size: int = 1024
    encoder_hidden_size: int = 1024
    num_learnable_queries: int = 64
    num_hidden_layers: int = 6
    num_attention_heads: int = 16
    intermediate_size: int = 2816
    layer_norm_eps: float = 1e-6
    grid_size: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageConfig:
    """LLaMA-2. Its checkpoints were written with one of two ``rms_norm_eps``: what the file says holds."""

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int = 32
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    hidden_act: str = "silu"
    mlp_bias: bool = False
    bos_token_id: int = 1

    @property
    def head_width(self) -> int:
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True, kw_only=True, slots=True)
class MplugOwl2Config:
    """All three; the defaults are those of the 7B model."""

    vision: VisionConfig = field(default_factory=VisionConfig)
    abstractor: AbstractorConfig = field(default_factory=AbstractorConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)

    def __post_init__(self) -> None:
        vision, abstractor, language = self.vision, self.abstractor, self.language
        faults = {
            "the abstractor's width differs from the image tower's": not (
                abstractor.hidden_size == abstractor.encoder_hidden_size == vision.hidden_size
            ),
            "the abstractor expects another number of patches": abstractor.grid_size**2 + 1 != vision.tokens,
            "widths are no multiples of the numbers of heads": bool(
                vision.hidden_size % vision.num_attention_heads
                or abstractor.hidden_size % abstractor.num_attention_heads
                or language.hidden_size % language.num_attention_heads
                or language.num_attention_heads % language.num_key_value_heads
            ),
        }
        for fault, holds in faults.items():
            if holds:
                raise WeightsError(f"This configuration is not one of mPLUG-Owl2: {fault}.")


def read_owl_config(path: Path) -> MplugOwl2Config:
    """The configuration in an official ``config.json``; what it leaves out is as in the 7B model.

    Raises WeightsError for the configuration of another architecture.
    """
    given = read_json(path)
    if given.get("model_type", ARCHITECTURE) != ARCHITECTURE:
        raise WeightsError(f"{path} is the configuration of {given['model_type']!r}, not of {ARCHITECTURE}.")
    if given.get("rope_scaling") is not None:
        raise WeightsError(f"{path} scales positions (rope_scaling), which no mPLUG-Owl2 checkpoint does.")
    visual = given.get("visual_config", {})
    if not isinstance(visual, Mapping):
        raise WeightsError(f"{path}: visual_config is no object of names and values.")
    try:
        return MplugOwl2Config(
            vision=_taken(VisionConfig, visual.get("visual_model", {})),
            abstractor=_taken(AbstractorConfig, visual.get("visual_abstractor", {})),
            language=_taken(LanguageConfig, given),
        )
    except WeightsError as error:
        raise WeightsError(f"{path}: {error.message}") from None


def _taken(kind: type[Part], given: Any) -> Part:
    """``kind`` with those of its fields that ``given`` holds; an official file says much besides."""
    if not isinstance(given, Mapping):
        raise WeightsError("a part of visual_config is no object of names and values.")
    taken = {}
    for at in dataclasses.fields(kind):  # type: ignore[arg-type]
        if (value := given.get(at.name)) is None:
            continue
        wanted = type(at.default)
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            raise WeightsError(f"{at.name} is {value!r}, not {_ARTICLE[wanted]}.")
        taken[at.name] = value
    return kind(**taken)


_ARTICLE: dict[type, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
