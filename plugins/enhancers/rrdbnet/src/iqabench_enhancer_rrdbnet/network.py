"""RRDBNet, the generator of ESRGAN (Wang et al., ECCVW 2018, arXiv:1809.00219, section 3.1), for ×4.

A first convolution, a trunk of residual-in-residual dense blocks, then twice nearest-neighbour enlargement and a
convolution. No normalisation. Attributes are named as in the official checkpoints of Real-ESRGAN.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

SLOPE = 0.2
RESIDUAL = 0.2  # beta of the paper: residuals are scaled down before they are added


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the input and the results of all before it."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.conv1 = _convolution(features, growth)
        self.conv2 = _convolution(features + growth, growth)
        self.conv3 = _convolution(features + 2 * growth, growth)
        self.conv4 = _convolution(features + 3 * growth, growth)
        self.conv5 = _convolution(features + 4 * growth, features)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat((seen, leaky_relu(layer(seen), SLOPE)), dim=1)
        residual: Tensor = self.conv5(seen)
        return x + RESIDUAL * residual


class ResidualDenseBlock(nn.Module):
    """RRDB: three dense blocks inside a scaled residual."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(features, growth)
        self.rdb2 = DenseBlock(features, growth)
        self.rdb3 = DenseBlock(features, growth)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return x + RESIDUAL * residual


class RRDBNet(nn.Module):
    """(N, 3, H, W) -> (N, 3, 4·H, 4·W), both nominally in [0, 1], not clamped.

    Its layers are defined in the order in which they are computed, which is the order of an ncnn file.
    """

    def __init__(self, *, blocks: int, features: int = 64, growth: int = 32) -> None:
        super().__init__()
        self.conv_first = _convolution(3, features)
        self.body = nn.Sequential(*(ResidualDenseBlock(features, growth) for _ in range(blocks)))
        self.conv_body = _convolution(features, features)
        self.conv_up1 = _convolution(features, features)
        self.conv_up2 = _convolution(features, features)
        self.conv_hr = _convolution(features, features)
        self.conv_last = _convolution(features, 3)

    def forward(self, images: Tensor) -> Tensor:
        shallow = self.conv_first(images)
        x = shallow + self.conv_body(self.body(shallow))
        for layer in (self.conv_up1, self.conv_up2):
            x = leaky_relu(layer(interpolate(x, scale_factor=2, mode="nearest")), SLOPE)
        result: Tensor = self.conv_last(leaky_relu(self.conv_hr(x), SLOPE))
        return result
