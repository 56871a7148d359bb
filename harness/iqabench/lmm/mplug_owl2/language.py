"""LLaMA-2 with modality-adaptive parts: keys, values and norms have weights for words and weights for the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from iqabench.compat.libraries import import_library

if TYPE_CHECKING:
    from iqabench.lmm.mplug_owl2.config import LanguageConfig


def llama() -> ModuleType:
    """The library's parts of LLaMA."""
    return import_library("transformers.models.llama.modeling_llama")


def rms_norm(config: LanguageConfig) -> nn.Module:
    norm: nn.Module = llama().LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
    return norm


@dataclass(frozen=True, slots=True)
class Place:
    """Where tokens stand: those from ``first`` on to before ``end`` are an image's, the others words. ``cos`` and
    ``sin`` (N, T, width) turn queries and keys to their positions; ``sees`` (T, past + T) says which tokens each may
    attend to, itself and all before it."""

    first: int
    end: int
    cos: Tensor
    sin: Tensor
    sees: Tensor

    @classmethod
    def of(cls, like: Tensor, positions: Tensor, image_mask: Tensor, past: int, config: LanguageConfig) -> Place:
        """For tokens ``like`` (N, T, C) at ``positions`` (N, T), after ``past`` others; ``image_mask`` (T,) is true
        for an image's tokens, which stand side by side."""
        width, count, device = config.head_width, like.shape[1], like.device
        frequencies = config.rope_theta ** (-torch.arange(0, width, 2, dtype=torch.float32, device=device) / width)
        angles = (positions[..., None] * frequencies).repeat(1, 1, 2)
        images = image_mask.nonzero().flatten().tolist()
        first, end = (images[0], images[-1] + 1) if images else (0, 0)
        sees = torch.ones(count, past + count, dtype=torch.bool, device=device).tril(past)
        return cls(first, end, angles.cos().to(like.dtype), angles.sin().to(like.dtype), sees)


class Multiway(nn.Module):
    """Two modules of one kind, the first for words, the second for an image."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.multiway = nn.ModuleList([make(), make()])

    def forward(self, x: Tensor, at: Place) -> Tensor:
        words, image = self.multiway
        parts = [(words, x[:, : at.first]), (image, x[:, at.first : at.end]), (words, x[:, at.end :])]
        return torch.cat([module(part) for module, part in parts if part.shape[1]], dim=1)


class Attention(nn.Module):
    def __init__(self, config: LanguageConfig, number: int) -> None:
        super().__init__()
        width, own = config.hidden_size, config.num_key_value_heads * config.head_width
        self.number = number
        self.head_width = config.head_width
        self.grouped = config.num_key_value_heads != config.num_attention_heads
        self.rotate = llama().apply_rotary_pos_emb
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = Multiway(lambda: nn.Linear(width, own, bias=False))
        self.v_proj = Multiway(lambda: nn.Linear(width, own, bias=False))
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, at: Place, cache: Any) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for part in (self.q_proj(x), self.k_proj(x, at), self.v_proj(x, at))
        )
        query, key = self.rotate(query, key, at.cos, at.sin)
        if cache is not None:
            key, value = cache.update(key, value, self.number)
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=at.sees, enable_gqa=self.grouped)
        projected: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return projected


class Layer(nn.Module):
    def __init__(self, config: LanguageConfig, number: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, number)
        self.mlp = llama().LlamaMLP(config)
        self.input_layernorm = Multiway(lambda: rms_norm(config))
        self.post_attention_layernorm = Multiway(lambda: rms_norm(config))

    def forward(self, x: Tensor, at: Place, cache: Any) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x, at), at, cache)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x, at))
        return out
