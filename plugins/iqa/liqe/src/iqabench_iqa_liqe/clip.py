"""CLIP ViT-B/32 (Radford et al., ICML 2021, arXiv:2103.00020): an image tower and a text tower.

Attributes are named as in OpenAI's checkpoints, which LIQE's keep. Both towers compute only what is read from
them: the last block runs for the class token of an image and the end of a prompt alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

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
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, asking: Tensor | slice | None, sees: Tensor | None) -> Tensor:
        """(N, L, C) -> (N, Q, C) for the tokens ``asking``, or all; each attends to those that its row of ``sees``
        tells, or to all."""
        width = x.shape[-1]
        if asking is None:
            query, key, value = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            query = F.linear(x[:, asking], self.in_proj_weight[:width], self.in_proj_bias[:width])
            key, value = F.linear(x, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, dim=-1)
        query, key, value = (part.view(*part.shape[:2], -1, HEAD_WIDTH).transpose(1, 2) for part in (query, key, value))
        mask = sees if sees is None or asking is None else sees[asking]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return result


class Perceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.c_fc(x)
        result: Tensor = self.c_proj((1.702 * hidden).sigmoid_().mul_(hidden))  # CLIP's approximation of GELU
        return result


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = Attention(width)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Perceptron(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, asking: Tensor | slice | None, sees: Tensor | None) -> Tensor:
        x = (x if asking is None else x[:, asking]) + self.attn(self.ln_1(x), asking, sees)
        result: Tensor = x + self.mlp(self.ln_2(x))
        return result


class Transformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width) for _ in range(LAYERS))

    def forward(self, x: Tensor, wanted: Tensor | slice, sees: Tensor | None = None) -> Tensor:
        """(N, L, C) -> (N, Q, C): the last activations of the tokens ``wanted``."""
        for block in self.resblocks[:-1]:
            x = block(x, None, sees)
        result: Tensor = self.resblocks[-1](x, wanted, sees)
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
        token = self.ln_post(self.transformer(x, slice(0, 1))[:, 0])
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
