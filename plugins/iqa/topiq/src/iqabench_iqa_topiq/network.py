"""CFANet, the network of TOPIQ (Chen et al., "TOPIQ: A Top-down Approach from Semantics to Distortions for Image
Quality Assessment", IEEE TIP 2024). Attributes are named as in the official checkpoints.

Five feature maps of a ResNet-50 are gated, pooled to the size of the coarsest and turned into tokens. From coarse
to fine, the semantic tokens then attend to those of each next scale, and their mean gives the score.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from iqabench.compat.batchnorm import fold_batch_norms
from iqabench.compat.timm import create_network
from iqabench_iqa_topiq.attention import CrossLayer, SelfLayer, Stack
from iqabench_iqa_topiq.pooling import DifferencePooling, GatedPooling

CHANNELS = (64, 256, 512, 1024, 2048)
"""Of ResNet-50's maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image."""
GRID = 32
"""Side of the learned position code, which is stretched to each map."""


class CFANet(nn.Module):
    """Normalised images (N, 3, H, W), and references or None -> (N, channels), from which ``score_linear`` makes
    (N, classes): scores, or a distribution of them."""

    def __init__(self, *, reference: bool, channels: int = 256, heads: int = 4, classes: int = 1) -> None:
        super().__init__()
        hidden = min(4 * channels, 2048)
        fused = 3 if reference else 1
        self.reference = reference
        self.semantic_model = create_network("resnet50", features_only=True)
        self.weight_pool = nn.ModuleList(DifferencePooling(c) if reference else GatedPooling(c) for c in CHANNELS)
        self.dim_reduce = nn.ModuleList(nn.Sequential(nn.Conv2d(fused * c, channels, 1), nn.GELU()) for c in CHANNELS)
        self.sa_attn_blks = nn.ModuleList(Stack(SelfLayer(channels, heads, hidden)) for _ in CHANNELS)
        self.attn_blks = nn.ModuleList(Stack(CrossLayer(channels, heads, hidden)) for _ in CHANNELS[1:])
        self.attn_pool = SelfLayer(channels, heads, hidden)
        self.score_linear = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.GELU(),
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.GELU(),
            nn.Linear(channels, classes),
            *([nn.Softmax(dim=-1)] if classes > 1 else []),
        )
        self.h_emb = nn.Parameter(torch.empty(1, channels // 2, GRID, 1))
        self.w_emb = nn.Parameter(torch.empty(1, channels // 2, 1, GRID))

    def simplify(self) -> None:
        """Drop what is never used, and join linear steps that follow one another; to be called after loading."""
        fold_batch_norms(self.semantic_model)
        for pooling in self.weight_pool:
            if isinstance(pooling, GatedPooling):
                pooling.merge()
        for layer in self.attn_blks.modules():
            if isinstance(layer, CrossLayer):
                del layer.self_attn

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:
        scales = self._tokens(images, references)
        query = scales[-1]
        for cross, finer in zip(self.attn_blks, reversed(scales[:-1]), strict=True):
            query = cross(query, finer)
        pooled: Tensor = self.attn_pool(query).mean(dim=1)
        return pooled

    def _tokens(self, images: Tensor, references: Tensor | None) -> list[Tensor]:
        """The tokens (N, h·w, channels) of each scale, from fine to coarse."""
        if references is None:
            maps = [(features,) for features in self.semantic_model(images)]
        else:
            maps = [tuple(x.chunk(2)) for x in self.semantic_model(torch.cat([images, references]))]
        height, width = maps[-1][0].shape[-2:]
        position = torch.cat([self.h_emb.expand(-1, -1, -1, GRID), self.w_emb.expand(-1, -1, GRID, -1)], dim=1)
        scales = []
        for level, features in enumerate(maps):
            # As in the official code, a map that is larger along one side only is left as it is.
            larger = features[0].shape[-2] > height and features[0].shape[-1] > width
            pooled = self.weight_pool[level](*features, size=(height, width) if larger else None)
            reduced = self.dim_reduce[level](pooled)
            code = F.interpolate(position, size=reduced.shape[-2:], mode="bicubic", align_corners=False)
            scales.append(self.sa_attn_blks[level]((reduced + code).flatten(2).transpose(1, 2)))
        return scales
