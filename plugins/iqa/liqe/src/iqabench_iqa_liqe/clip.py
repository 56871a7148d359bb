"""CLIP ViT-B/32 (Radford et al., ICML 2021, arXiv:2103.00020): an image tower and a text tower.

Attributes are named as in OpenAI's checkpoints, which LIQE's keep. Both towers compute only what is read from
them: the last block runs for the class token of an image and the end of a prompt alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from iqabench.compat.linear import Linear, linear

if TYPE_CHECKING:
    from iqabench_iqa_liqe.prompts import PromptTree

HEAD_WIDTH = 64
EMBEDDING = 512
PATCH = 32
GRID = 7  # patches along a side of the image
LAYERS = 12
VOCABULARY = 49408
CONTEXT = 77


class Attention(nn.Module):
    """Self-attention with the three projections stacked, as torch's own MultiheadAttention names them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = Linear(width, width)

    def forward(self, x: Tensor, asking: Tensor | None, sees: Tensor | None) -> Tensor:
        """(N, L, C) -> (N, Q, C) for the tokens ``asking``, or all; each attends to those that its row of ``sees``
        tells, or to all."""
        width = x.shape[-1]
        if asking is None:
            query, key, value = linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            query = linear(x[:, asking], self.in_proj_weight[:width], self.in_proj_bias[:width])
            key, value = linear(x, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, dim=-1)
        query, key, value = (part.view(*part.shape[:2], -1, HEAD_WIDTH).transpose(1, 2) for part in (query, key, value))
        mask = sees if sees is None or asking is None else sees[asking]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return result

    def of_first(self, x: Tensor) -> Tensor:
        """(N, L, C) -> (N, 1, C) for the first token, which attends to all.

        For a single query it is cheaper to carry it over to the tokens than to make keys and values of them all:
        q · (K x) = (Kᵀ q) · x, and a mean of values is the value of a mean. The bias of the keys, the same for all
        tokens, falls out of the softmax.
        """
        count, _, width = x.shape
        to_query, to_key, to_value = self.in_proj_weight.view(3, -1, HEAD_WIDTH, width)
        query_bias, _, value_bias = self.in_proj_bias.view(3, -1, HEAD_WIDTH)
        query = linear(x[:, 0], to_query.flatten(0, 1), query_bias.flatten()).view(count, -1, HEAD_WIDTH)
        probe = torch.einsum("nhd,hdc->nhc", query, to_key) * HEAD_WIDTH**-0.5
        seen = (probe @ x.mT).softmax(dim=-1) @ x
        mixed = torch.einsum("nhc,hdc->nhd", seen, to_value) + value_bias
        result: Tensor = self.out_proj(mixed.flatten(1))[:, None]
        return result


class Perceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = Linear(width, 4 * width)
        self.c_proj = Linear(4 * width, width)

    def merge(self) -> None:
        """Move the factor of CLIP's approximation of GELU, x · sigmoid(1.702 x), into the weights around it; to be
        called once, after loading."""
        with torch.no_grad():
            self.c_fc.weight.mul_(1.702)
            self.c_fc.bias.mul_(1.702)
            self.c_proj.weight.div_(1.702)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.c_proj(F.silu(self.c_fc(x), inplace=True))
        return result


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = Attention(width)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Perceptron(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, asking: Tensor | None, sees: Tensor | None) -> Tensor:
        x = (x if asking is None else x[:, asking]) + self.attn(self.ln_1(x), asking, sees)
        result: Tensor = x + self.mlp(self.ln_2(x))
        return result

    def of_first(self, x: Tensor) -> Tensor:
        """(N, L, C) -> (N, 1, C): what ``forward`` makes of the first token."""
        first = x[:, :1] + self.attn.of_first(self.ln_1(x))
        result: Tensor = first + self.mlp(self.ln_2(first))
        return result


class Transformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width) for _ in range(LAYERS))

    def forward(self, x: Tensor, wanted: Tensor | None = None, sees: Tensor | None = None) -> Tensor:
        """(N, L, C) -> (N, Q, C): the last activations of the tokens ``wanted``, or of the first."""
        for block in self.resblocks[:-1]:
            x = block(x, None, sees)
        last = self.resblocks[-1]
        result: Tensor = last.of_first(x) if wanted is None else last(x, wanted, sees)  # type: ignore[operator]
        return result


class VisionTransformer(nn.Module):
    """(N, 3, 224, 224), normalised -> (N, 512)."""

    def __init__(self, width: int = 768) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(1 + GRID * GRID, width))
        self.proj = nn.Parameter(torch.empty(width, EMBEDDING))
        self.conv1 = nn.Conv2d(3, width, PATCH, stride=PATCH, bias=False)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width)
        self.ln_post = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.conv1(images).flatten(2).mT
        token: Tensor = self.class_embedding.expand(len(images), 1, -1)
        x = self.ln_pre(torch.cat([token, patches], dim=1) + self.positional_embedding)
        token = self.ln_post(self.transformer(x)[:, 0])
        return token @ self.proj


class Clip(nn.Module):
    def __init__(self, text_width: int = 512) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(CONTEXT, text_width))
        self.text_projection = nn.Parameter(torch.empty(text_width, EMBEDDING))
        self.logit_scale = nn.Parameter(torch.empty(()))
        self.visual = VisionTransformer()
        self.transformer = Transformer(text_width)
        self.token_embedding = nn.Embedding(VOCABULARY, text_width)
        self.ln_final = nn.LayerNorm(text_width)

    def encode_text(self, prompts: PromptTree) -> Tensor:
        """The embedding of every prompt, (P, 512)."""
        device = self.text_projection.device
        x = self.token_embedding(prompts.tokens.to(device)) + self.positional_embedding[prompts.positions.to(device)]
        x = self.transformer(x[None], prompts.ends.to(device), prompts.sees.to(device))[0]
        ends: Tensor = self.ln_final(x)
        return ends @ self.text_projection
