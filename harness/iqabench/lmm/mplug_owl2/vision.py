"""The image tower: CLIP's ViT-L/14 at 448 pixels, all of whose tokens go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from iqabench.compat.libraries import import_library

if TYPE_CHECKING:
    from iqabench.lmm.mplug_owl2.config import VisionConfig


class Embeddings(nn.Module):
    """Patches, row by row behind a class token, with learned positions. The convolution has no bias."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        width, side = config.hidden_size, config.patch_size
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.patch_embed = nn.Conv2d(3, width, kernel_size=side, stride=side, bias=False)
        self.position_embedding = nn.Parameter(torch.empty(1, config.tokens, width))
        self.pre_layernorm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) -> (N, tokens, C)."""
        patches = self.patch_embed(pixels).flatten(2).mT
        tokens = torch.cat([self.cls_token.expand(len(pixels), -1, -1), patches], dim=1)
        normed: Tensor = self.pre_layernorm(tokens + self.position_embedding)
        return normed


class Attention(nn.Module):
    """Self-attention whose three projections are stacked head by head: (head, {query, key, value}, width)."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        stacked = self.query_key_value(x).view(*x.shape[:2], self.heads, 3, -1)
        query, key, value = stacked.permute(3, 0, 2, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.dense(mixed.transpose(1, 2).flatten(2))
        return projected


class Layer(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = import_library("transformers.models.clip.modeling_clip").CLIPMLP(config)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x))
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Encoder(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))


class VisionModel(nn.Module):
    """(N, 3, S, S), normalised -> (N, tokens, C), the class token first."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.embeddings(pixels)
        for layer in self.encoder.layers:
            x = layer(x)
        tokens: Tensor = self.post_layernorm(x)
        return tokens
