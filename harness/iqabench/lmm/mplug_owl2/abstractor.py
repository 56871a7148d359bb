"""The visual abstractor: learned queries gather an image's 1025 tokens into 64, of the language model's width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

if TYPE_CHECKING:
    from iqabench.lmm.mplug_owl2.config import AbstractorConfig


class Attention(nn.Module):
    """Queries attend to themselves and to the image. Positions, which the checkpoint holds, are added to queries
    and keys before projection, not to values."""

    q_pos_embed: Tensor
    k_pos_embed: Tensor

    def __init__(self, config: AbstractorConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.register_buffer("q_pos_embed", torch.empty(config.num_learnable_queries, width))
        self.register_buffer("k_pos_embed", torch.empty(config.grid_size**2 + 1, width))
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(config.encoder_hidden_size, width)
        self.value = nn.Linear(config.encoder_hidden_size, width)

    def forward(self, queries: Tensor, image: Tensor) -> Tensor:
        """(N, Q, C) and (N, T, C) -> (N, Q, C), heads side by side."""
        both = torch.cat([queries, image], dim=1)
        positions = torch.cat([self.q_pos_embed, self.k_pos_embed])
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(queries + self.q_pos_embed), self.key(both + positions), self.value(both))
        )
        return scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


class GatedMlp(nn.Module):
    """SwiGLU with a layer norm between gate and output."""

    def __init__(self, config: AbstractorConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.w1 = nn.Linear(width, inner)
        self.w2 = nn.Linear(inner, width)
        self.w3 = nn.Linear(width, inner)
        self.ffn_ln = nn.LayerNorm(inner, eps=config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.w2(self.ffn_ln(silu(self.w1(x)) * self.w3(x)))
        return out


class Output(nn.Module):
    def __init__(self, config: AbstractorConfig) -> None:
        super().__init__()
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm2 = nn.LayerNorm(config.hidden_size)
        self.mlp = GatedMlp(config)

    def forward(self, queries: Tensor, mixed: Tensor) -> Tensor:
        x = queries + self.out_proj(mixed)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class CrossAttention(nn.Module):
    """One layer. What it adds to are the queries after their norm, not before."""

    def __init__(self, config: AbstractorConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.output = Output(config)
        self.norm1 = nn.LayerNorm(config.hidden_size)
        self.normk = nn.LayerNorm(config.encoder_hidden_size)

    def forward(self, queries: Tensor, image: Tensor) -> Tensor:
        normed = self.norm1(queries)
        out: Tensor = self.output(normed, self.attention(normed, self.normk(image)))
        return out


class Layer(nn.Module):
    def __init__(self, config: AbstractorConfig) -> None:
        super().__init__()
        self.crossattention = CrossAttention(config)

    def forward(self, queries: Tensor, image: Tensor) -> Tensor:
        gathered: Tensor = self.crossattention(queries, image)
        return gathered


class Encoder(nn.Module):
    def __init__(self, config: AbstractorConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))


class VisualAbstractor(nn.Module):
    """(N, T, C) -> (N, queries + 1, width of the language model); the last token marks the image's end."""

    def __init__(self, config: AbstractorConfig, width: int) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.visual_fc = nn.Linear(config.hidden_size, width)
        self.query_embeds = nn.Parameter(torch.empty(1, config.num_learnable_queries, config.hidden_size))
        self.vit_eos = nn.Parameter(torch.empty(1, 1, width))

    def forward(self, image: Tensor) -> Tensor:
        queries = self.query_embeds.expand(len(image), -1, -1)
        for layer in self.encoder.layers:
            queries = layer(queries, image)
        return torch.cat([self.visual_fc(queries), self.vit_eos.expand(len(image), -1, -1)], dim=1)
