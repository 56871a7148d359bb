"""The Retinex decomposition of LightenDiffusion's latents into reflectance and illumination (section 3.1).

Training compares its two maps. Enhancement uses neither, and never calls it; it is here because the official
checkpoint holds its weights, and to look at the maps. Attributes are named as in the checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from iqabench_enhancer_lightendiff.reconstruction import ResidualBlock, convolution

HEADS = 8


class SeparableConvolution(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depth_conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.point_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.point_conv(self.depth_conv(x))
        return result


class CrossAttention(nn.Module):
    """Within each row of the image, channels of the query attend to channels of the context.

    The scale is that of eight heads, though there is one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = (channels // HEADS) ** -0.5
        self.query = SeparableConvolution(channels)
        self.key = SeparableConvolution(channels)
        self.value = SeparableConvolution(channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q, k, v = (rows.transpose(1, 2) for rows in (self.query(x), self.key(context), self.value(context)))
        attended: Tensor = (q @ k.mT * self.scale).softmax(dim=-1) @ v
        return attended.transpose(1, 2)


class SelfAttention(nn.Module):
    """Over the whole image, the channels of a head attend to one another, by the cosine between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels)
        self.project_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.flatten(2).unflatten(1, (HEADS, -1)) for part in self.qkv_dwconv(self.qkv(x)).chunk(3, dim=1))
        attended = (normalize(q, dim=-1) @ normalize(k, dim=-1).mT).softmax(dim=-1) @ v
        result: Tensor = self.project_out(attended.reshape(x.shape))
        return result


class Retinex(nn.Module):
    """Latents (N, 3, H, W) in (0, 1) -> reflectance (N, 3, H, W) and illumination (N, 1, H, W), both in (0, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = convolution(3, channels)
        self.blocks0 = nn.Sequential(*(ResidualBlock(channels, channels) for _ in range(2)))
        self.conv1 = convolution(1, channels)
        self.blocks1 = nn.Sequential(*(ResidualBlock(channels, channels) for _ in range(2)))
        self.cross_attention = CrossAttention(channels)
        self.self_attention = SelfAttention(channels)
        self.conv0_1 = nn.Sequential(ResidualBlock(channels, channels), convolution(channels, 3))
        self.conv1_1 = nn.Sequential(ResidualBlock(channels, channels), convolution(channels, 1))

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        brightest = latents.amax(dim=1, keepdim=True)  # the initial illumination
        reflectance = self.blocks0(self.conv0(latents / brightest))
        illumination = self.blocks1(self.conv1(brightest))
        content = self.self_attention(illumination)
        reflectance = self.cross_attention(illumination, reflectance) + content
        return torch.sigmoid(self.conv0_1(reflectance)), torch.sigmoid(self.conv1_1(illumination - content))
