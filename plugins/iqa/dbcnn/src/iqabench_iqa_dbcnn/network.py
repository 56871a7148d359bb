"""The network of DB-CNN (Zhang, Ma, Yan, Deng, Wang, "Blind Image Quality Assessment Using A Deep Bilinear
Convolutional Neural Network", IEEE TCSVT 2020). Attributes are named as in the authors' checkpoints.

The features of VGG-16, up to its last convolution, and of S-CNN, which was trained to tell synthetic distortions
apart, are multiplied at each place and averaged over places (eq. 5); the root of that, at unit length, gives the score.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

VGG = (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512, None, 512, 512, 512)
"""Channels of VGG-16's convolutions; None is a pooling that halves the map."""
SCNN = (3, 48, 48, 64, 64, 64, 64, 128, 128, 128)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 2)
EPSILON = 1e-8  # under the root


class DbCnn(nn.Module):
    """Normalised images (N, 3, H, W) -> the pooled products (N, 512 · 128), from which ``fc`` makes scores (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.features1 = _vgg()
        self.features2 = _scnn()
        self.fc = nn.Linear(512 * 128, 1)

    def forward(self, images: Tensor) -> Tensor:
        objects, distortions = self.features1(images), self.features2(images)
        if objects.shape[-2:] != distortions.shape[-2:]:  # where a side is no multiple of 16
            distortions = F.interpolate(distortions, objects.shape[-2:], mode="bilinear", align_corners=True)
        return pool(objects.float(), distortions.float())


def pool(objects: Tensor, distortions: Tensor) -> Tensor:
    """(N, A, h, w) and (N, B, h, w) -> (N, A · B): products averaged over places, their roots at unit length."""
    products = objects.flatten(2) @ distortions.flatten(2).mT / objects[0, 0].numel()
    return F.normalize((products.flatten(1) + EPSILON).sqrt())


def _vgg() -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for channels in VGG:
        if channels is None:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(inplace=True)]
            before = channels
    return nn.Sequential(*layers)


def _scnn() -> nn.Sequential:
    layers: list[nn.Module] = []
    for (before, channels), stride in zip(pairwise(SCNN), STRIDES, strict=True):
        layers += [
            nn.Conv2d(before, channels, 3, stride=stride, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
