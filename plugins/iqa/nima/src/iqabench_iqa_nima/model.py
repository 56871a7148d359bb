"""NIMA (Talebi, Milanfar, "NIMA: Neural Image Assessment", IEEE TIP 2018): a network for classifying images whose head
gives the probabilities of ten ratings; the score is their mean.

The shorter side is resized to the side of the network's input, and the middle square is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from iqabench.compat import imagenet
from iqabench.compat.batchnorm import fold_batch_norms, with_counters
from iqabench.compat.convolution import quicken_convolutions
from iqabench.compat.timm import create_network
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

RATINGS = 10
AT_ONCE = 4  # images on CPU: of so many, the network's many weights are read from memory once
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Backbone:
    """timm's name of a network, how many channels it ends with, and what images it expects."""

    name: str
    channels: int
    side: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


INCEPTION = Backbone("inception_resnet_v2", 1536, 299, HALF, HALF)
VGG = Backbone("vgg16", 512, 224, imagenet.MEAN, imagenet.DEVIATION)


class NimaNetwork(nn.Module):
    """Normalised images (N, 3, side, side) -> (N, classes): probabilities of ratings, or the score where it is one
    class. Attributes are named as in the checkpoints."""

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.base_model = create_network(backbone.name, features_only=True)
        self.classifier = nn.Sequential(nn.Identity(), nn.Identity(), nn.Linear(backbone.channels, classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.pooled(images))

    def pooled(self, images: Tensor) -> Tensor:
        """(N, channels)"""
        features: Tensor = self.base_model(images)[-1]
        return features.mean(dim=(2, 3))

    def classify(self, pooled: Tensor) -> Tensor:
        outputs: Tensor = self.classifier(pooled)
        return outputs if outputs.shape[1] == 1 else outputs.softmax(dim=1)


def load(context: LoadContext) -> Scorer:
    weights = str(context.params["weights"])
    backbone = VGG if weights.startswith("vgg16") else INCEPTION
    network = NimaNetwork(backbone, RATINGS if weights.endswith("ava") else 1).eval()
    (path,) = context.weights.values()
    load_weights(network, path)
    fold_batch_norms(network.base_model)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    network.base_model = quicken_convolutions(network.base_model, context.device, context.dtype)
    return Nima(network, backbone, context.dtype).eval().to(context.device)


def load_weights(network: NimaNetwork, path: Path) -> None:
    """Fill ``network`` from a released file: a state under ``params``."""
    state = strip_prefix(unwrap(read_checkpoint(path), "params"), "module.")
    load_strictly(network, with_counters(state, network), path)


class Nima(nn.Module):
    """Scores (N,) of images (N, 3, H, W): within 1..10 of ratings, else about 0..1, not clamped."""

    def __init__(self, network: NimaNetwork, backbone: Backbone, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.side = backbone.side
        self.normalise = imagenet.Normalise(backbone.mean, backbone.deviation)
        self.dtype = dtype

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        step = AT_ONCE if images.device.type == "cpu" else max(1, len(images))
        return torch.cat([self._score(some) for some in torch.split(images, step)])

    def _score(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            pooled = self.network.pooled(self.normalise(middle(images, self.side)))
        ratings = self.network.classify(pooled.float())
        return ratings @ torch.arange(1.0, ratings.shape[1] + 1, device=ratings.device)


def middle(images: Tensor, side: int) -> Tensor:
    """(N, 3, H, W) -> (N, 3, side, side): the shorter side resized, bilinearly with antialiasing; then cropped."""
    short = min(images.shape[-2:])
    if short != side:
        size = [side * length // short for length in images.shape[-2:]]
        images = interpolate(images, size, mode="bilinear", antialias=True)
    top, left = (round((length - side) / 2) for length in images.shape[-2:])
    return images[..., top : top + side, left : left + side]
