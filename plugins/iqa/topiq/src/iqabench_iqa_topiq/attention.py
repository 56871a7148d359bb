"""TOPIQ's attention layers: pre-norm transformer layers over (N, tokens, channels).

Attributes are named as in the official checkpoints, whose layers derive from ``nn.MultiheadAttention``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Attention(nn.Module):
    """Multi-head attention with the packed weights of ``nn.MultiheadAttention``."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * channels))
        self.out_proj = nn.Linear(channels, channels)

    def forward(self, query: Tensor, memory: Tensor | None = None) -> Tensor:
        """(N, Q, C) and (N, M, C), by default the query itself -> (N, Q, C)."""
        count, _, channels = query.shape
        if memory is None:
            q, k, v = F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            weight, bias = self.in_proj_weight, self.in_proj_bias
            q = F.linear(query, weight[:channels], bias[:channels])
            k, v = F.linear(memory, weight[channels:], bias[channels:]).chunk(2, dim=-1)
        q, k, v = (x.reshape(count, -1, self.heads, channels // self.heads).transpose(1, 2) for x in (q, k, v))
        attended = F.scaled_dot_product_attention(q, k, v)
        result: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return result


class SelfLayer(nn.Module):
    """An encoder layer: the tokens attend to one another."""

    def __init__(self, channels: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = Attention(channels, heads)
        self.linear1 = nn.Linear(channels, hidden)
        self.linear2 = nn.Linear(hidden, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.self_attn(self.norm1(tokens))
        result: Tensor = tokens + self.linear2(F.gelu(self.linear1(self.norm2(tokens))))
        return result


class CrossLayer(nn.Module):
    """A decoder layer: the query attends to the tokens of a finer scale (eq. 8 of the paper).

    The official layer holds a self-attention too, which it never uses; it is here to account for its keys.
    """

    def __init__(self, channels: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = Attention(channels, heads)
        self.multihead_attn = Attention(channels, heads)
        self.linear1 = nn.Linear(channels, hidden)
        self.linear2 = nn.Linear(hidden, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        query = query + self.multihead_attn(self.norm1(query), self.norm2(memory))
        result: Tensor = query + self.linear2(F.gelu(self.linear1(self.norm3(query))))
        return result


class Stack(nn.Module):
    """One layer under the name ``layers.0``, as the official code stacks them."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList([layer])

    def forward(self, *tokens: Tensor) -> Tensor:
        result: Tensor = self.layers[0](*tokens)
        return result
