"""DCE-Net (Guo et al., CVPR 2020, section 3.2), its layers named as in the official checkpoint."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

ITERATIONS = 8


class DCENet(nn.Module):
    """(N, 3, H, W) in [0, 1] -> curve parameters (N, 24, H, W) in [-1, 1], three for each iteration."""

    def __init__(self, features: int = 32) -> None:
        super().__init__()
        self.e_conv1 = nn.Conv2d(3, features, 3, padding=1)
        self.e_conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.e_conv3 = nn.Conv2d(features, features, 3, padding=1)
        self.e_conv4 = nn.Conv2d(features, features, 3, padding=1)
        self.e_conv5 = nn.Conv2d(2 * features, features, 3, padding=1)
        self.e_conv6 = nn.Conv2d(2 * features, features, 3, padding=1)
        self.e_conv7 = nn.Conv2d(2 * features, 3 * ITERATIONS, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        x1 = relu(self.e_conv1(images))
        x2 = relu(self.e_conv2(x1))
        x3 = relu(self.e_conv3(x2))
        x4 = relu(self.e_conv4(x3))
        x5 = relu(self.e_conv5(torch.cat((x3, x4), dim=1)))
        x6 = relu(self.e_conv6(torch.cat((x2, x5), dim=1)))
        return torch.tanh(self.e_conv7(torch.cat((x1, x6), dim=1)))


def apply_curves(images: Tensor, curves: Tensor) -> Tensor:
    """Equation 2, once for each three of ``curves``: LE_n = LE_{n-1} + A_n·LE_{n-1}·(1 - LE_{n-1}).

    The network was trained with the opposite sign of A, as the authors' code has it.
    """
    for curve in curves.chunk(ITERATIONS, dim=1):
        images = images + curve * (images.square() - images)
    return images
