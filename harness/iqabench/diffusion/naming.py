"""The official keys of Stable Diffusion's networks, told from the keys of diffusers and transformers.

CompVis and Stability AI number the blocks of a UNet in one row (``input_blocks.7.1``), where diffusers counts
them by level (``down_blocks.2.attentions.0``); the parts within a block have other names too. The networks' own
keys say how blocks are counted, so any configuration can be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["same", "kernel", "transposed", "query", "key", "value"]
_STACKED: dict[str, int] = {"query": 0, "key": 1, "value": 2}


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry comes from: an official key, and how the official tensor lies.

    ``kernel``: a matrix stored as a 1×1 convolution. ``transposed``: a matrix stored the other way round.
    ``query``, ``key``, ``value``: a third of the rows of a stacked projection.
    """

    key: str
    form: Form = "same"

    def shape(self, own: Sequence[int]) -> tuple[int, ...]:
        """The shape of the official tensor, of which the network's has shape ``own``."""
        if self.form == "kernel":
            return (*own, 1, 1)
        if self.form == "transposed":
            return tuple(reversed(own))
        return (3 * own[0], *own[1:]) if self.form in _STACKED else tuple(own)

    def take(self, tensor: Tensor) -> Tensor:
        """The network's tensor, from the official one."""
        if self.form == "kernel":
            return tensor[..., 0, 0]
        if self.form == "transposed":
            return tensor.mT.contiguous()
        return tensor.chunk(3)[_STACKED[self.form]] if self.form in _STACKED else tensor


Naming = Callable[[Iterable[str]], Mapping[str, Source]]
"""The keys of a network -> where each comes from."""


# UNets, and the encoders of UNets that control networks are.

_UNET_PARTS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "class_embedding.linear_1": "label_emb.0.0",
    "class_embedding.linear_2": "label_emb.0.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "controlnet_mid_block": "middle_block_out.0",
    "controlnet_cond_embedding.conv_in": "input_hint_block.0",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)")


def unet_sources(keys: Iterable[str]) -> dict[str, Source]:
    """Of a ``UNet2DConditionModel``, a ``ControlNetModel`` or a ``UNetEncoder``, to CompVis' names."""
    keys = list(keys)
    blocks = _numbered_blocks(keys)
    hints = sorted(
        {int(found[1]) for key in keys if (found := re.match(r"controlnet_cond_embedding\.blocks\.(\d+)", key))}
    )
    parts = {**_UNET_PARTS, **blocks, "controlnet_cond_embedding.conv_out": f"input_hint_block.{2 * len(hints) + 2}"}
    parts |= {f"controlnet_cond_embedding.blocks.{i}": f"input_hint_block.{2 * i + 2}" for i in hints}
    return {key: Source(_unet_key(key, parts)) for key in keys}


def _unet_key(key: str, parts: Mapping[str, str]) -> str:
    if found := re.fullmatch(r"controlnet_down_blocks\.(\d+)\.(\w+)", key):
        return f"zero_convs.{found[1]}.0.{found[2]}"
    words = key.split(".")
    for length in range(min(4, len(words) - 1), 0, -1):
        head, rest = ".".join(words[:length]), words[length:]
        if head in parts:
            if ".resnets." in f".{head}.":
                rest = [_RESNET[rest[0]], *rest[1:]]
            elif ".downsamplers." in head:
                rest = ["op", *rest[1:]]
            return ".".join([parts[head], *rest])
    return key  # a part of the author's own, under its own name


def _numbered_blocks(keys: Iterable[str]) -> dict[str, str]:
    """``down_blocks.1.resnets.0`` -> ``input_blocks.4.0``, for every block that the keys tell of."""
    found = {match.group(0): match for key in keys if (match := _BLOCK.match(key))}
    levels: dict[tuple[str, int], dict[str, int]] = {}
    for match in found.values():
        parts = levels.setdefault((match[1], int(match[2])), {})
        parts[match[3]] = max(parts.get(match[3], 0), int(match[4]) + 1)
    numbered = {}
    number = {"down": 1, "up": 0}  # input block 0 is the first convolution
    for (way, level), parts in sorted(levels.items()):
        row = "input_blocks" if way == "down" else "output_blocks"
        first, count = number[way], parts["resnets"]
        for i in range(count):
            numbered[f"{way}_blocks.{level}.resnets.{i}"] = f"{row}.{first + i}.0"
            numbered[f"{way}_blocks.{level}.attentions.{i}"] = f"{row}.{first + i}.1"
        if "downsamplers" in parts:
            numbered[f"down_blocks.{level}.downsamplers.0"] = f"{row}.{first + count}.0"
        if "upsamplers" in parts:
            place = 2 if "attentions" in parts else 1
            numbered[f"up_blocks.{level}.upsamplers.0"] = f"{row}.{first + count - 1}.{place}"
        number[way] = first + count + ("downsamplers" in parts)
    return numbered


# Autoencoders.

_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
_VAE_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|downsamplers|upsamplers)\.(\d+)\.(.+)")


def vae_sources(keys: Iterable[str]) -> dict[str, Source]:
    """Of an ``AutoencoderKL``, or its ``encoder.`` or ``decoder.`` alone, to CompVis' names."""
    keys = list(keys)
    levels = 1 + max(
        (int(found[2]) for key in keys if (found := re.search(r"(down|up)_blocks\.(\d+)", key))), default=0
    )
    return {key: _vae_source(key, levels) for key in keys}


def _vae_source(key: str, levels: int) -> Source:
    half, dot, rest = key.partition(".")
    if half not in ("encoder", "decoder"):
        return Source(key)
    if found := _VAE_BLOCK.fullmatch(rest):
        way, level, part, index, inner = found.groups()
        place = int(level) if way == "down" else levels - 1 - int(level)
        inner = inner.replace("conv_shortcut", "nin_shortcut")
        sampler = {"downsamplers": "downsample", "upsamplers": "upsample"}
        middle = f"block.{index}" if part == "resnets" else sampler[part]
        return Source(f"{half}.{way}.{place}.{middle}.{inner}")
    if rest.startswith("mid_block.attentions.0."):
        name, _, last = rest.removeprefix("mid_block.attentions.0.").partition(".")
        form: Form = "kernel" if last.endswith("weight") and name != "group_norm" else "same"
        return Source(f"{half}.mid.attn_1.{_VAE_ATTENTION[name]}.{last.removeprefix('0.')}", form)
    for index in (0, 1):
        rest = rest.replace(f"mid_block.resnets.{index}.", f"mid.block_{index + 1}.")
    return Source(f"{half}{dot}{rest.replace('conv_norm_out', 'norm_out')}")


# Text towers.

_TEXT = {
    "embeddings.token_embedding.weight": Source("token_embedding.weight"),
    "embeddings.position_embedding.weight": Source("positional_embedding"),
    "text_projection.weight": Source("text_projection", "transposed"),
}
_TEXT_LAYER = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
_ATTENTION_FORMS: dict[str, Form] = {"q_proj": "query", "k_proj": "key", "v_proj": "value"}
OPEN_CLIP_UNUSED = ("logit_scale", "attn_mask")


def open_clip_sources(keys: Iterable[str]) -> dict[str, Source]:
    """Of a ``CLIPTextModel``, with or without projection, to OpenCLIP's names (``model.`` before them)."""
    return {key: _open_clip_source(key.removeprefix("text_model.")) for key in keys}


def open_clip_unused(layers: int, *, projected: bool) -> tuple[str, ...]:
    """What an official OpenCLIP text tower holds that one of ``layers`` blocks does not run: patterns of keys.

    It may be the block that follows, where the last but one is read; never more than that one.
    """
    return (*OPEN_CLIP_UNUSED, f"transformer.resblocks.{layers}.*", *(() if projected else ("text_projection",)))


def _open_clip_source(key: str) -> Source:
    if key in _TEXT:
        return _TEXT[key]
    if key.startswith("final_layer_norm."):
        return Source(key.replace("final_layer_norm", "ln_final"))
    layer, rest = key.removeprefix("encoder.layers.").split(".", 1)
    head = f"transformer.resblocks.{layer}"
    part, _, last = rest.rpartition(".")
    if part.startswith("self_attn."):
        projection = part.removeprefix("self_attn.")
        if projection == "out_proj":
            return Source(f"{head}.attn.out_proj.{last}")
        return Source(f"{head}.attn.in_proj_{last}", _ATTENTION_FORMS[projection])
    return Source(f"{head}.{_TEXT_LAYER[part]}.{last}")


def clip_sources(keys: Iterable[str]) -> dict[str, Source]:
    """Of a ``CLIPTextModel``, to the names of older transformers, which Stable Diffusion 1 and SDXL hold."""
    return {key: Source("text_model." + key.removeprefix("text_model.")) for key in keys}


CLIP_UNUSED = ("text_model.embeddings.position_ids",)
