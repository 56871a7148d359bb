"""The networks of Stable Diffusion, described as the official configurations do, made of library parts.

Fields have the names of the official files (``unet_config``, ``ddconfig``, ``text_cfg`` of CompVis and
Stability AI). Networks are made on the meta device, without values: ``ldm.fill`` gives them theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch

from iqabench.compat.libraries import library_class
from iqabench.errors import WeightsError

Config = TypeVar("Config", "UNetConfig", "VaeConfig", "TextConfig")


@dataclass(frozen=True, kw_only=True, slots=True)
class UNetConfig:
    """A UNet of latent diffusion; the defaults are those of Stable Diffusion 2.1.

    Attention has ``num_heads`` heads everywhere, or, where that is 0, heads of ``num_head_channels`` channels.
    ``transformer_depth`` is one number, or one for each level. ``adm_in_channels`` is the width of the vector
    that SDXL adds to the time embedding, 0 for none.
    """

    in_channels: int = 4
    out_channels: int = 4
    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attention_resolutions: tuple[int, ...] = (4, 2, 1)
    num_heads: int = 0
    num_head_channels: int = 64
    transformer_depth: int | tuple[int, ...] = 1
    context_dim: int = 1024
    use_linear_in_transformer: bool = True
    adm_in_channels: int = 0

    @classmethod
    def read(cls, given: Mapping[str, Any], *unused: str) -> UNetConfig:
        """From an official ``unet_config``; what only training reads is left, and what ``unused`` names."""
        return _read(cls, given, {*_ONLY_TRAINING, *unused})

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(self.model_channels * factor for factor in self.channel_mult)

    def options(self) -> dict[str, Any]:
        """The arguments of diffusers' ``UNet2DConditionModel``, and of its ``ControlNetModel`` but for the outputs."""
        attends = [2**level in self.attention_resolutions for level in range(len(self.channel_mult))]
        heads = [self.num_heads or width // self.num_head_channels for width in self.channels]
        depth = self.transformer_depth
        depths = [depth] * len(heads) if isinstance(depth, int) else [max(1, each) for each in depth]
        added = {"class_embed_type": "projection", "projection_class_embeddings_input_dim": self.adm_in_channels}
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "block_out_channels": self.channels,
            "layers_per_block": self.num_res_blocks,
            "down_block_types": tuple("CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends),
            "up_block_types": tuple("CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)),
            "attention_head_dim": tuple(heads),  # diffusers' name for the number of heads
            "transformer_layers_per_block": tuple(depths),
            "cross_attention_dim": self.context_dim,
            "use_linear_projection": self.use_linear_in_transformer,
            **(added if self.adm_in_channels else {}),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeConfig:
    """The autoencoder with KL regularisation, 8 times smaller along each side with four levels."""

    z_channels: int = 4
    in_channels: int = 3
    out_ch: int = 3
    ch: int = 128
    ch_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> VaeConfig:
        """From an official ``ddconfig``, or the configuration around one. Raises WeightsError."""
        inner = given.get("ddconfig", given)
        if inner.get("attn_resolutions"):
            raise WeightsError("An autoencoder with attention above its lowest resolution is not known here.")
        return _read(cls, inner, _ONLY_TRAINING)

    def options(self) -> dict[str, Any]:
        """The arguments of diffusers' ``AutoencoderKL``."""
        levels = len(self.ch_mult)
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_ch,
            "latent_channels": self.z_channels,
            "block_out_channels": tuple(self.ch * factor for factor in self.ch_mult),
            "layers_per_block": self.num_res_blocks,
            "down_block_types": ("DownEncoderBlock2D",) * levels,
            "up_block_types": ("UpDecoderBlock2D",) * levels,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig:
    """The text tower of a CLIP; the defaults are those of OpenCLIP ViT-H/14 without its last block.

    ``layers`` is how many blocks are made and run. ``projection`` is the width of the pooled embedding, 0 for
    a tower that is only read token by token.
    """

    width: int = 1024
    heads: int = 16
    layers: int = 23
    vocab_size: int = 49408
    context_length: int = 77
    act: str = "gelu"
    projection: int = 0
    mlp_ratio: int = 4

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> TextConfig:
        return _read(cls, given, ())

    @classmethod
    def read_open_clip(cls, given: Mapping[str, Any]) -> TextConfig:
        """From the official configuration of a whole OpenCLIP, of which the ``penultimate`` layer is read."""
        text = dict(given["text_cfg"])
        if given.get("layer") == "penultimate":
            text["layers"] -= 1
        return cls.read(text)

    def options(self) -> dict[str, Any]:
        """The arguments of transformers' ``CLIPTextConfig``."""
        return {
            "hidden_size": self.width,
            "intermediate_size": self.width * self.mlp_ratio,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.context_length,
            "hidden_act": self.act,
            "projection_dim": self.projection or self.width,
            "bos_token_id": self.vocab_size - 2,
            "eos_token_id": self.vocab_size - 1,
        }


def make_unet(config: UNetConfig, **options: Any) -> Any:
    """diffusers' ``UNet2DConditionModel`` on the meta device, in eval mode."""
    kind = library_class("diffusers", "UNet2DConditionModel")
    with torch.device("meta"):
        return kind(**{**config.options(), **options}).eval().requires_grad_(False)


def make_vae(config: VaeConfig, **options: Any) -> Any:
    """diffusers' ``AutoencoderKL`` on the meta device, in eval mode. It knows no scale: latents are as they come."""
    kind = library_class("diffusers", "AutoencoderKL")
    with torch.device("meta"):
        return kind(**{**config.options(), **options}).eval().requires_grad_(False)


def make_text_tower(config: TextConfig) -> Any:
    """transformers' ``CLIPTextModel``, or ``CLIPTextModelWithProjection``, on the meta device, in eval mode."""
    kind = library_class("transformers", "CLIPTextModelWithProjection" if config.projection else "CLIPTextModel")
    with torch.device("meta"):
        tower = kind(library_class("transformers", "CLIPTextConfig")(**config.options()))
    return with_positions(tower).eval().requires_grad_(False)


def with_positions(tower: Any) -> Any:
    """``tower``, made on the meta device, with its positions 0, 1, ..., which no checkpoint need hold."""
    for name, buffer in list(tower.named_buffers()):
        owner, _, last = name.rpartition(".")
        setattr(tower.get_submodule(owner), last, torch.arange(buffer.shape[-1])[None])
    return tower


_ONLY_TRAINING = (
    "attn_resolutions",
    "attn_type",
    "double_z",
    "dropout",
    "image_size",
    "legacy",
    "num_classes",
    "resolution",
    "spatial_transformer_attn_type",
    "use_checkpoint",
    "use_spatial_transformer",
)
"""Of official configurations: what inference does not need, or what is the same in all of them."""


def _read(kind: type[Config], given: Mapping[str, Any], unused: Collection[str]) -> Config:
    known = {each.name for each in fields(kind)}
    if strange := [name for name in given if name not in known and name not in unused]:
        raise WeightsError(f"A {kind.__name__.removesuffix('Config')} configuration has no use for {strange[0]!r}.")
    return kind(**{name: _frozen(value) for name, value in given.items() if name in known})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
