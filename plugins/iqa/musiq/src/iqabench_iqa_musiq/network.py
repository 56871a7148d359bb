"""The network of MUSIQ (Ke, Wang, Wang, Milanfar, Yang, "MUSIQ: Multi-scale Image Quality Transformer", ICCV 2021).

A small ResNet makes each patch a token; what a patch shows, where it lies and at which scale are added up; a
transformer mixes the tokens of all scales, and its class token gives the score. Attributes are named as in the
checkpoints that pyiqa converted; ``iqabench_iqa_musiq.checkpoint`` knows what the authors' own call them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from iqabench_iqa_musiq.patches import GRID, LONGER_SIDES, PATCH, Patches

WIDTH = 384
HEADS = 6
LAYERS = 14
HIDDEN = 1152
STEM = 64  # channels of the first convolution
BOTTLENECK = 256
AT_ONCE = 64  # patches that the ResNet takes at a time on CPU, so that its maps stay in the cache


class Bottleneck(nn.Module):
    """(P, 64, 8, 8) -> (P, 256, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(STEM, STEM, 1, bias=False)
        self.gn1 = nn.GroupNorm(32, STEM, eps=1e-4)
        self.conv2 = nn.Conv2d(STEM, STEM, 3, padding=1, bias=False)
        self.gn2 = nn.GroupNorm(32, STEM, eps=1e-4)
        self.conv3 = nn.Conv2d(STEM, BOTTLENECK, 1, bias=False)
        self.gn3 = nn.GroupNorm(32, BOTTLENECK, eps=1e-4)
        self.conv_proj = nn.Conv2d(STEM, BOTTLENECK, 1, bias=False)
        self.gn_proj = nn.GroupNorm(32, BOTTLENECK, eps=1e-4)

    def forward(self, x: Tensor) -> Tensor:
        projected = self.gn_proj(self.conv_proj(x))
        x = self.gn1(self.conv1(x)).relu_()
        x = self.gn2(self.conv2(x)).relu_()
        result: Tensor = projected.add_(self.gn3(self.conv3(x))).relu_()
        return result


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, asking: slice) -> Tensor:
        """(N, L, C) -> (N, Q, C) for the tokens ``asking``; each attends to all."""
        asked = x[:, asking]
        query, key, value = (
            part.view(*part.shape[:2], HEADS, -1).transpose(1, 2)
            for part in (self.query(asked), self.key(x), self.value(x))
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result


class Perceptron(nn.Module):
    def __init__(self, approximate: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, WIDTH)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(F.gelu(self.fc1(x), approximate=self.approximate))
        return result


class Block(nn.Module):
    def __init__(self, approximate: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = Perceptron(approximate)

    def forward(self, x: Tensor, asking: slice) -> Tensor:
        x = x[:, asking] + self.attention(self.norm1(x), asking)
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class PlaceEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.position_emb = nn.Parameter(torch.empty(1, GRID * GRID, WIDTH))


class ScaleEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale_emb = nn.Parameter(torch.empty(len(LONGER_SIDES) + 1, WIDTH))


class Encoder(nn.Module):
    def __init__(self, approximate: str) -> None:
        super().__init__()
        self.posembed_input = PlaceEmbedding()
        self.scaleembed_input = ScaleEmbedding()
        self.cls = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.encoder_norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.transformer = nn.ModuleDict({f"encoderblock_{i}": Block(approximate) for i in range(LAYERS)})

    def forward(self, tokens: Tensor, places: Tensor, scales: Tensor) -> Tensor:
        """(N, L, C) -> the class token (N, C)."""
        tokens = tokens + (self.posembed_input.position_emb[0, places] + self.scaleembed_input.scale_emb[scales])
        x = torch.cat([self.cls.to(tokens.dtype).expand(len(tokens), -1, -1), tokens], dim=1)
        blocks = list(self.transformer.values())
        for block in blocks[:-1]:
            x = block(x, slice(None))
        x = blocks[-1](x, slice(0, 1))  # of which only the class token is read
        result: Tensor = self.encoder_norm(x[:, 0])
        return result


class MusiqNetwork(nn.Module):
    """Patches -> (N, classes). ``approximate`` is torch's word for how GELU is computed: tanh or none."""

    def __init__(self, *, classes: int, approximate: str) -> None:
        super().__init__()
        self.conv_root = nn.Conv2d(3, STEM, 7, stride=2, bias=False)
        self.gn_root = nn.GroupNorm(32, STEM, eps=1e-6)
        self.block1 = Bottleneck()
        self.embedding = nn.Linear(BOTTLENECK * (PATCH // 4) ** 2, WIDTH)
        self.transformer_encoder = Encoder(approximate)
        self.head = nn.Linear(WIDTH, classes)

    def standardise(self) -> None:
        """Give each kernel mean 0 and deviation 1, as its layer does at every call; to be called after loading."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                kernel = layer.weight.double()
                kernel = kernel - kernel.mean(dim=(1, 2, 3), keepdim=True)
                layer.weight.copy_(kernel / (kernel.std(dim=(1, 2, 3), keepdim=True, correction=0) + 1e-5))

    def forward(self, patches: Patches) -> Tensor:
        pixels = patches.pixels
        flat = pixels.flatten(0, 1)
        step = AT_ONCE if flat.device.type == "cpu" else len(flat)
        tokens = torch.cat([self._tokens(some) for some in torch.split(flat, step)])
        encoded = self.transformer_encoder(tokens.view(*pixels.shape[:2], WIDTH), patches.places, patches.scales)
        result: Tensor = self.head(encoded)
        return result

    def _tokens(self, pixels: Tensor) -> Tensor:
        """(P, 3, 32, 32) -> (P, 384)."""
        padded = F.pad(pixels, (2, 3, 2, 3)).contiguous(memory_format=torch.channels_last)
        x = self.gn_root(self.conv_root(padded))
        x = F.max_pool2d(x, 3, 2, ceil_mode=True).relu_()  # the other way round gives the same
        tokens: Tensor = self.embedding(self.block1(x).permute(0, 2, 3, 1).flatten(1))
        return tokens
