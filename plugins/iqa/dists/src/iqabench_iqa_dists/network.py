"""VGG16 (Simonyan and Zisserman, ICLR 2015) that loses less than its max-pooling: the features DISTS compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions
CHANNELS = [3, *(channels for channels, _ in STAGES)]
TINY = 1e-12
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Features(nn.Module):
    """The convolutions, under the numbers that they have among torchvision's layers (ReLU and pooling count)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        self.stages: list[list[nn.Conv2d]] = []
        index, width = 0, CHANNELS[0]
        for channels, depth in STAGES:
            stage = []
            for _ in range(depth):
                self.features[str(index)] = layer = nn.Conv2d(width, channels, 3, padding=1)
                stage.append(layer)
                index, width = index + 2, channels
            self.stages.append(stage)
            index += 1
        self.classifier = nn.ModuleDict(
            {"0": nn.Linear(512 * 7 * 7, 4096), "3": nn.Linear(4096, 4096), "6": nn.Linear(4096, 1000)}
        )

    def forward(self, images: Tensor) -> Iterator[Tensor]:
        """(N, 3, H, W), RGB in [0, 1] -> the images, then the activations at the end of each stage."""
        yield images
        x = (images - images.new_tensor(MEAN).view(3, 1, 1)) / images.new_tensor(STD).view(3, 1, 1)
        x = x.to(self.stages[0][0].weight.dtype)
        for number, stage in enumerate(self.stages):
            if number:
                x = l2_pool(x)
            for layer in stage:
                x = layer(x).relu_()
            yield x.float()


def l2_pool(x: Tensor) -> Tensor:
    """The root of the Hann-weighted mean of squares in windows of 3 by 3, two apart (Hénaff and Simoncelli, 2016):
    unlike max-pooling, it keeps to the sampling theorem."""
    # The window is the product of (1, 2, 1) / 4 along each side.
    hann = x.new_tensor((0.25, 0.5, 0.25))
    channels = x.shape[1]
    window = (hann[:, None] * hann).expand(channels, 1, 3, 3)
    return (F.conv2d(x.square(), window, stride=2, padding=1, groups=channels) + TINY).sqrt_()


def load_features(path: Path) -> Features:
    """The network in torchvision's checkpoint of VGG16, or in one of its ``features`` alone."""
    state = unwrap(read_checkpoint(path))
    with torch.device("meta"):
        network = Features()
    if not any(key.startswith("classifier.") for key in state):
        network.classifier = nn.ModuleDict()
    load_strictly(network, state, path, assign=True)
    network.classifier = nn.ModuleDict()  # a part of the official file, and of nothing that is computed
    return network
