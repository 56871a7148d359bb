"""HyperIQA's network (Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper Network",
CVPR 2020). Attributes are named as in the official checkpoint, ``koniq_pretrained.pkl``.

Content features of a ResNet-50 become the weights of five small layers. These are applied to a vector that
describes distortions at four scales, and give the score.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from iqabench.compat.timm import create_network

SIDE = 224
"""Side of the only images that it takes."""
GRID = 7  # side of the coarsest feature map
HYPER = 112
TARGET = (224, 112, 56, 28, 14, 1)
"""Widths of the target network, from the distortion vector to the score."""
STAGES = ("layer1", "layer2", "layer3", "layer4")
LOCAL = 16  # numbers that describe the distortions at each scale but the last


class Backbone(nn.Module):
    """ResNet-50, and the distortion vector out of its four stages (section 3.3)."""

    def __init__(self) -> None:
        super().__init__()
        resnet = create_network("resnet50", num_classes=0)
        self.conv1, self.bn1 = resnet.get_submodule("conv1"), resnet.get_submodule("bn1")
        for stage in STAGES:
            self.add_module(stage, resnet.get_submodule(stage))
        self.lda1_pool = nn.Sequential(nn.Conv2d(256, 16, 1, bias=False), nn.AvgPool2d(GRID))
        self.lda1_fc = nn.Linear(16 * 8 * 8, LOCAL)
        self.lda2_pool = nn.Sequential(nn.Conv2d(512, 32, 1, bias=False), nn.AvgPool2d(GRID))
        self.lda2_fc = nn.Linear(32 * 4 * 4, LOCAL)
        self.lda3_pool = nn.Sequential(nn.Conv2d(1024, 64, 1, bias=False), nn.AvgPool2d(GRID))
        self.lda3_fc = nn.Linear(64 * 2 * 2, LOCAL)
        self.lda4_pool = nn.AvgPool2d(GRID)
        self.lda4_fc = nn.Linear(2048, TARGET[0] - 3 * LOCAL)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, 224, 224) -> content (N, 2048, 7, 7), distortions (N, 224)."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, stride=2, padding=1)
        distortions = []
        for level, stage in enumerate(STAGES, start=1):
            x = self.get_submodule(stage)(x)
            pooled = self.get_submodule(f"lda{level}_pool")(x)
            distortions.append(self.get_submodule(f"lda{level}_fc")(pooled.flatten(1)))
        return x, torch.cat(distortions, dim=1)


class HyperNet(nn.Module):
    """Normalised images (N, 3, 224, 224) -> hyper features (N, 112, 7, 7) and distortions (N, 224), from which
    ``score`` makes (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.res: nn.Module = Backbone()
        self.conv1 = nn.Sequential(
            nn.Conv2d(2048, 1024, 1),
            nn.ReLU(),
            nn.Conv2d(1024, 512, 1),
            nn.ReLU(),
            nn.Conv2d(512, HYPER, 1),
            nn.ReLU(),
        )
        for layer, (inputs, outputs) in enumerate(pairwise(TARGET[:-1]), start=1):
            self.add_module(f"fc{layer}w_conv", nn.Conv2d(HYPER, inputs * outputs // GRID**2, 3, padding=1))
            self.add_module(f"fc{layer}b_fc", nn.Linear(HYPER, outputs))
        self.fc5w_fc = nn.Linear(HYPER, TARGET[-2])
        self.fc5b_fc = nn.Linear(HYPER, TARGET[-1])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        content, distortions = self.res(images)
        return self.conv1(content), distortions

    def score(self, hyper: Tensor, vector: Tensor) -> Tensor:
        """Generate the target network of each image (section 3.2), and apply it."""
        pooled = hyper.mean(dim=(2, 3))
        for layer, outputs in enumerate(TARGET[1:-1], start=1):
            generated = self.get_submodule(f"fc{layer}w_conv")(hyper)
            # Row by row of (channels, 7, 7), whatever the order in memory.
            weight = generated.flatten(1).unflatten(1, (outputs, -1))
            bias = self.get_submodule(f"fc{layer}b_fc")(pooled)
            vector = torch.sigmoid(_apply(weight, bias, vector))
        return _apply(self.fc5w_fc(pooled)[:, None], self.fc5b_fc(pooled), vector)[:, 0]


def _apply(weight: Tensor, bias: Tensor, vector: Tensor) -> Tensor:
    """A linear layer with weights of each image's own: (N, O, I), (N, O), (N, I) -> (N, O)."""
    return torch.baddbmm(bias[..., None], weight, vector[..., None])[..., 0]
