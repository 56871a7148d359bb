"""NeRCo's three networks at inference (Yang et al., ICCV 2023), layers named as in the official checkpoints.

Every norm is an InstanceNorm without parameters. What serves training alone is not here: the way back to dark
images, the discriminators and CLIP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

STRIDE = 4
COORDINATES = 34
"""Columns of the first linear layer that see two relative coordinates and their 32 sines and cosines, all zero."""
PIXELS_AT_ONCE = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The widths and depths of the networks; the defaults are those of both official checkpoints."""

    features: int = 64
    blocks: int = 9
    mask_blocks: int = 3
    hidden: tuple[int, ...] = (256, 256, 256)


class ResidualBlock(nn.Module):
    """Two convolutions inside a residual: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv_block(x)
        return residual.add_(x)


class Normaliser(nn.Module):
    """An image (N, 3, H, W) in [-1, 1] -> the same scene evenly degraded, (N, 3, H, W), unbounded (section 3.2)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.model = nn.Sequential(*_hourglass(3, config))
        self.mlp = NeuralRepresentation(config)

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.mlp(self.model(images))
        return made


class NeuralRepresentation(nn.Module):
    """A multilayer perceptron that gives each pixel its colour from the 3×3 features around it.

    The perceptron also takes the pixel's place relative to its features, and the size of a pixel. As the
    features lie on the very grid that is asked for, all places are zero and all sizes 2: so its four passes,
    from which the official code interpolates, are one, which is a 3×3 convolution followed by 1×1 ones.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.features = config.features
        widths = (9 * config.features + COORDINATES + 2, *config.hidden)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
        self.imnet = nn.Module()
        self.imnet.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 3))

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 3, H, W), in strips of rows, so that the wide layers need little memory."""
        height, width = features.shape[-2:]
        rows = max(1, PIXELS_AT_ONCE // width)
        first, *rest = [layer for layer in self.imnet.layers if isinstance(layer, nn.Linear)]  # type: ignore[union-attr]
        seen = 9 * self.features
        kernel = first.weight[:, :seen].reshape(-1, self.features, 3, 3)
        bias = first.bias + 2 * first.weight[:, -2:].sum(1)
        padded = pad(features, (1, 1, 1, 1))
        strips = []
        for top in range(0, height, rows):
            x = conv2d(padded[..., top : top + rows + 2, :], kernel, bias)
            for layer in rest:
                x = conv2d(x.relu_(), layer.weight[..., None, None], layer.bias)
            strips.append(x)
        return torch.cat(strips, dim=-2)


class MaskExtractor(nn.Module):
    """An image (N, 3, H, W) in [-1, 1] -> where to look, (N, 1, H, W) in (0, 1) (section 3.3).

    ``output`` makes an image of the same features for the losses of training, and is not computed.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.features
        self.model = nn.Sequential(
            *_stem(3, channels), *(ResidualBlock(channels) for _ in range(config.mask_blocks)), nn.ReflectionPad2d(3)
        )
        self.output = nn.Conv2d(channels, 3, 7)
        self.fc1 = nn.Conv2d(2 * channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, 2 * channels, 1, bias=False)
        self.conv1 = nn.Conv2d(2, 1, 7, bias=False)
        self.conv_ca = nn.Conv2d(2 * channels, channels, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.model(images)
        pooled = torch.cat((features.mean((-2, -1), keepdim=True), features.amax((-2, -1), keepdim=True)), dim=1)
        weighed = features.mul_(self.conv_ca(self.fc2(self.fc1(pooled).relu_())))
        mask: Tensor = self.conv1(torch.cat((weighed.mean(1, keepdim=True), weighed.amax(1, keepdim=True)), dim=1))
        return mask.sigmoid()


class Generator(nn.Module):
    """(N, 6, H, W) -> the image in normal light, (N, 3, H, W) in [-1, 1]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *_hourglass(6, config), nn.ReflectionPad2d(3), nn.Conv2d(config.features, 3, 7), nn.Tanh()
        )

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


class NeRCo(nn.Module):
    """Images (N, 3, H, W) in [-1, 1], sides multiples of 4 and at least 8 -> the same in normal light, in [-1, 1]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.normaliser = Normaliser(config)
        self.extractor = MaskExtractor(config)
        self.generator = Generator(config)

    def forward(self, images: Tensor) -> Tensor:
        both = torch.cat((images, self.normaliser(images)), dim=1)
        made: Tensor = self.generator(both * self.extractor(images))
        return made


def _stem(inputs: int, channels: int) -> Iterator[nn.Module]:
    yield nn.ReflectionPad2d(3)
    yield nn.Conv2d(inputs, channels, 7)
    yield nn.InstanceNorm2d(channels)
    yield nn.ReLU(inplace=True)


def _hourglass(inputs: int, config: Config) -> Iterator[nn.Module]:
    """Down to a quarter of the size and four times the features, residual blocks there, and up again."""
    channels = config.features
    yield from _stem(inputs, channels)
    for wider in (2 * channels, 4 * channels):
        yield nn.Conv2d(wider // 2, wider, 3, stride=2, padding=1)
        yield nn.InstanceNorm2d(wider)
        yield nn.ReLU(inplace=True)
    for _ in range(config.blocks):
        yield ResidualBlock(4 * channels)
    for narrower in (2 * channels, channels):
        yield nn.ConvTranspose2d(2 * narrower, narrower, 3, stride=2, padding=1, output_padding=1)
        yield nn.InstanceNorm2d(narrower)
        yield nn.ReLU(inplace=True)
