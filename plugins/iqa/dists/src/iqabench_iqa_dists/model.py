"""DISTS: one minus the similarity of two images' deep features, in mean (texture) and in covariance (structure).

Ding, Ma, Wang, Simoncelli, "Image Quality Assessment: Unifying Structure and Texture Similarity", IEEE TPAMI 2022,
eq. 4 to 6. The learned weights of all channels, of the image itself too, sum to one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from iqabench.images import to_pixels, to_tensor
from iqabench.ops.batch import one_by_one
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench_iqa_dists.network import CHANNELS, Features, load_features

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

SCALES = Path(__file__).with_name("scales.safetensors")
C1 = C2 = 1e-6


def load(context: LoadContext) -> Scorer:
    (path,) = context.weights.values()
    network = Dists(load_features(path).to(context.dtype), resize=int(context.params["resize"]))
    scales = unwrap(read_checkpoint(SCALES))
    total = sum(scale.sum() for scale in scales.values())
    load_strictly(network.scales, {key: scale.flatten() / total for key, scale in scales.items()}, SCALES)
    if context.device.type == "cpu":  # where convolutions are half as fast again with the channels innermost
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    return network.to(context.device).eval()


class Scales(nn.Module):
    """How much each channel's texture (``alpha``) and structure (``beta``) count."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(sum(CHANNELS)))
        self.beta = nn.Parameter(torch.empty(sum(CHANNELS)))


class Dists(nn.Module):
    def __init__(self, features: Features, *, resize: int) -> None:
        super().__init__()
        self.features = features
        self.scales = Scales()
        self.resize = resize

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        if 0 < self.resize < min(images.shape[-2:]):
            images, references = (shrink(x, self.resize) for x in (images, references))
        return one_by_one(self._distance, images, references)

    def _distance(self, images: Tensor, references: Tensor) -> Tensor:
        similarity = images.new_zeros(len(images))
        stages = self.features(torch.cat([images, references]))
        for stage, alpha, beta in zip(
            stages, torch.split(self.scales.alpha, CHANNELS), torch.split(self.scales.beta, CHANNELS), strict=True
        ):
            texture, structure = compare(stage)
            similarity = similarity + texture @ alpha + structure @ beta
        return 1 - similarity


def compare(features: Tensor) -> tuple[Tensor, Tensor]:
    """(2 N, C, h, w), images then references -> similarity of texture and of structure of each channel, (N, C)."""
    places = features.flatten(2)
    mean = places.mean(dim=2, keepdim=True)
    centred = places - mean
    (x_mean, y_mean), (x, y) = mean.squeeze(2).chunk(2), centred.chunk(2)
    texture = (2 * x_mean * y_mean + C1) / (x_mean.square() + y_mean.square() + C1)
    covariance, x_variance, y_variance = ((a * b).mean(dim=2) for a, b in ((x, y), (x, x), (y, y)))
    return texture, (2 * covariance + C2) / (x_variance + y_variance + C2)


def shrink(images: Tensor, side: int) -> Tensor:
    """The shorter side brought to ``side`` by Pillow on 8 bits, as the authors' demo does."""
    height, width = images.shape[-2:]
    short = min(height, width)
    size = (side * width // short, side * height // short)
    shrunk = [
        to_tensor(np.array(Image.fromarray(to_pixels(image)).resize(size, Image.Resampling.BILINEAR)))
        for image in images
    ]
    return torch.cat(shrunk).to(images.device)
