"""CLIP RN50 (Radford et al., ICML 2021, arXiv:2103.00020): a residual network with attention pooling, and a text
tower.

Attributes are named as in OpenAI's checkpoints, and as open_clip names them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

EMBEDDING = 1024
HEAD_WIDTH = 64
LAYERS = 12
VOCABULARY = 49408
CONTEXT = 77


class Bottleneck(nn.Module):
    """A residual block that shrinks by averaging, not by striding, so that nothing is aliased."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.stride = stride
        self.downsample: nn.Sequential | None = None
        if stride > 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, bias=False),
                nn.BatchNorm2d(4 * width),
            )

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.bn1(self.conv1(x)).relu_()
        hidden = self.bn2(self.conv2(hidden)).relu_()
        if self.stride > 1:
            hidden, x = F.avg_pool2d(hidden, self.stride), F.avg_pool2d(x, self.stride)
        hidden = self.bn3(self.conv3(hidden))
        result: Tensor = hidden + (x if self.downsample is None else self.downsample(x))
        return result.relu_()


class AttentionPool(nn.Module):
    """The places of an image, averaged by what their mean attends to.

    ``positional_embedding`` belongs to the checkpoint. CLIP-IQA leaves it out (section 3.2), so any size will do.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(1 + 7 * 7, width))
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, EMBEDDING)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, 1024)."""
        places = features.flatten(2).mT
        mean = places.mean(dim=1, keepdim=True)
        places = torch.cat([mean, places], dim=1)
        query, key, value = (
            part.view(*part.shape[:2], -1, HEAD_WIDTH).transpose(1, 2)
            for part in (self.q_proj(mean), self.k_proj(places), self.v_proj(places))
        )
        pooled: Tensor = self.c_proj(F.scaled_dot_product_attention(query, key, value).flatten(1))
        return pooled


class ResNet(nn.Module):
    """(N, 3, H, W), normalised, of 32 pixels a side or more -> (N, 1024)."""

    def __init__(self, width: int = 64, depths: Sequence[int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.layer1 = _layer(width, width, depths[0], stride=1)
        self.layer2 = _layer(4 * width, 2 * width, depths[1], stride=2)
        self.layer3 = _layer(8 * width, 4 * width, depths[2], stride=2)
        self.layer4 = _layer(16 * width, 8 * width, depths[3], stride=2)
        self.attnpool = AttentionPool(32 * width)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = norm(convolution(x)).relu_()
        x = F.avg_pool2d(x, 2)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        pooled: Tensor = self.attnpool(x)
        return pooled


def _layer(inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
    later = (Bottleneck(4 * width, width, stride=1) for _ in range(depth - 1))
    return nn.Sequential(Bottleneck(inputs, width, stride), *later)


class Perceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.c_fc(x)
        result: Tensor = self.c_proj((1.702 * hidden).sigmoid_().mul_(hidden))  # CLIP's approximation of GELU
        return result


class TextBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // HEAD_WIDTH, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Perceptron(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.ln_1(x)
        later = x.new_ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        x = x + self.attn(normed, normed, normed, attn_mask=later, need_weights=False)[0]
        result: Tensor = x + self.mlp(self.ln_2(x))
        return result


class TextTransformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(TextBlock(width) for _ in range(LAYERS)))


class Clip(nn.Module):
    def __init__(self, text_width: int = 512) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(CONTEXT, text_width))
        self.text_projection = nn.Parameter(torch.empty(text_width, EMBEDDING))
        self.logit_scale = nn.Parameter(torch.empty(()))
        self.visual = ResNet()
        self.transformer = TextTransformer(text_width)
        self.token_embedding = nn.Embedding(VOCABULARY, text_width)
        self.ln_final = nn.LayerNorm(text_width)

    def encode_text(self, tokens: Sequence[int]) -> Tensor:
        """The embedding of one prompt, (1024,): what becomes of its last token, which has seen all others."""
        ids = torch.tensor(tokens, device=self.text_projection.device)
        x = self.token_embedding(ids) + self.positional_embedding[: len(ids)]
        end: Tensor = self.ln_final(self.transformer.resblocks(x[None])[0, -1])
        return end @ self.text_projection
