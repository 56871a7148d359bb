"""The networks that LPIPS looks through: AlexNet, VGG16 and SqueezeNet 1.1 as torchvision trained them.

Layers stand where torchvision's checkpoints number them. The classifier is part of the official files, so it is
part of what must fit; nothing is computed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap

CLASSES = 1000


class Backbone(nn.Module):
    """A classification network, up to the last of the layers ``seen``."""

    def __init__(self, features: list[nn.Module], seen: tuple[int, ...], classifier: Mapping[int, nn.Module]) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.seen = seen
        self.classifier = nn.ModuleDict({str(index): layer for index, layer in classifier.items()})

    def stages(self, images: Tensor) -> Iterator[Tensor]:
        """(N, 3, H, W) -> the activations (N, C, h, w) of one seen layer after the other."""
        x = images
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.seen:
                yield x


def load_backbone(make: Callable[[], Backbone], path: Path) -> Backbone:
    """The network in a checkpoint of torchvision's, or in one of its ``features`` alone."""
    state = unwrap(read_checkpoint(path))
    with torch.device("meta"):
        backbone = make()
    if not any(key.startswith("classifier.") for key in state):
        backbone.classifier = nn.ModuleDict()
    load_strictly(backbone, state, path, assign=True)
    backbone.classifier = nn.ModuleDict()
    return backbone


def alexnet() -> Backbone:
    """Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014."""
    features = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(inplace=True),
    ]
    classifier = {1: nn.Linear(256 * 6 * 6, 4096), 4: nn.Linear(4096, 4096), 6: nn.Linear(4096, CLASSES)}
    return Backbone(features, (1, 4, 7, 9, 11), classifier)


def vgg16() -> Backbone:
    """Simonyan and Zisserman, ICLR 2015, configuration D."""
    features: list[nn.Module] = []
    seen: list[int] = []
    width = 3
    for wider, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        if features:
            features.append(nn.MaxPool2d(2, 2))
        for _ in range(depth):
            features += [nn.Conv2d(width, wider, 3, padding=1), nn.ReLU(inplace=True)]
            width = wider
        seen.append(len(features) - 1)
    classifier = {0: nn.Linear(512 * 7 * 7, 4096), 3: nn.Linear(4096, 4096), 6: nn.Linear(4096, CLASSES)}
    return Backbone(features, tuple(seen), classifier)


class Fire(nn.Module):
    """SqueezeNet's block: few channels, then many, half of them with a kernel of one pixel."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu_()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu_()


def squeezenet() -> Backbone:
    """Iandola et al., "SqueezeNet", 2016, version 1.1."""
    features = [
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    ]
    return Backbone(features, (1, 4, 7, 9, 10, 11, 12), {1: nn.Conv2d(512, CLASSES, 1)})
