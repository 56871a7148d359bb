"""The encoder and decoder of LightenDiffusion's content-transfer decomposition network (section 3.1 of the paper).

Attributes are named as in the official checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.01
Pyramid = tuple[Tensor, Tensor, Tensor]
"""Features at 1/2, 1/4 and 1/8 of the image, of once, twice and four times the channels."""


def convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1)


class ResidualBlock(nn.Module):
    """Two convolutions beside one of a single pixel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            convolution(inputs, outputs), nn.LeakyReLU(SLOPE, inplace=True), convolution(outputs, outputs)
        )
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.model(x)
        return result.add_(self.conv(x))


class Upsampling(nn.Module):
    """(N, C, H, W) -> (N, C', 2·H, 2·W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(self.conv(x), SLOPE, inplace=True)


class FeaturePyramid(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(3, channels, 5, padding=2), nn.Conv2d(channels, channels, 5, padding=2))
        self.block0 = ResidualBlock(channels, channels)
        self.down0 = convolution(channels, channels, stride=2)
        self.block1 = ResidualBlock(channels, 2 * channels)
        self.down1 = convolution(2 * channels, 2 * channels, stride=2)
        self.block2 = ResidualBlock(2 * channels, 4 * channels)
        self.down2 = convolution(4 * channels, 4 * channels, stride=2)

    def forward(self, images: Tensor) -> Pyramid:
        half = self.down0(self.block0(self.convs(images)))
        quarter = self.down1(self.block1(half))
        return half, quarter, self.down2(self.block2(quarter))


class Chain(nn.Module):
    """Three convolutions, with activations between."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.conv0, self.conv1, self.conv2 = map(convolution, channels, channels[1:])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.conv0, self.conv1):
            x = leaky_relu(layer(x), SLOPE, inplace=True)
        result: Tensor = self.conv2(x)
        return result


class ReconNet(nn.Module):
    """Images (N, 3, H, W) in [0, 1], H and W multiples of 8, to latents (N, 3, H/8, W/8) in (0, 1), and back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pyramid = FeaturePyramid(channels)
        self.channel_down = Chain(4 * channels, 2 * channels, channels, 3)
        self.channel_up = Chain(3, channels, 2 * channels, 4 * channels)
        self.block_up0 = ResidualBlock(4 * channels, 4 * channels)
        self.block_up1 = ResidualBlock(4 * channels, 4 * channels)
        self.up_sampling0 = Upsampling(4 * channels, 2 * channels)
        self.block_up2 = ResidualBlock(2 * channels, 2 * channels)
        self.block_up3 = ResidualBlock(2 * channels, 2 * channels)
        self.up_sampling1 = Upsampling(2 * channels, channels)
        self.block_up4 = ResidualBlock(channels, channels)
        self.block_up5 = ResidualBlock(channels, channels)
        self.up_sampling2 = Upsampling(channels, channels)
        self.conv2 = convolution(channels, channels)
        self.conv3 = nn.Conv2d(channels, 3, 1)

    def encode(self, images: Tensor) -> tuple[Tensor, Pyramid]:
        """The latents, and the features of the images that ``decode`` wants."""
        pyramid: Pyramid = self.pyramid(images)
        return torch.sigmoid(self.channel_down(pyramid[-1])), pyramid

    def decode(self, latents: Tensor, pyramid: Pyramid) -> Tensor:
        """(N, 3, H, W), nominally in [0, 1], not clamped."""
        half, quarter, eighth = pyramid
        x = self.block_up0(self.channel_up(latents)).add_(eighth)
        x = self.up_sampling0(self.block_up1(x))
        x = self.block_up2(x).add_(quarter)
        x = self.up_sampling1(self.block_up3(x))
        x = self.block_up4(x).add_(half)
        x = self.up_sampling2(self.block_up5(x))
        result: Tensor = self.conv3(leaky_relu(self.conv2(x), SLOPE, inplace=True))
        return result
