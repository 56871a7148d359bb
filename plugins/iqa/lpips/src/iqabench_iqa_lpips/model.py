"""LPIPS, version 0.1.

Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
CVPR 2018, eq. 1: at five (SqueezeNet: seven) depths of a network, the features of every place are scaled to unit
length, and the squared differences summed with a learned weight for each channel, then averaged over places.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.ops.batch import one_by_one
from iqabench.weights.safe import read_checkpoint, unwrap
from iqabench_iqa_lpips.backbones import Backbone, alexnet, load_backbone, squeezenet, vgg16

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

BACKBONES = {"alex": alexnet, "vgg": vgg16, "squeeze": squeezenet}
# Of images in [-1, 1]; ImageNet's mean and deviation, rounded.
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
EPSILON = 1e-10


def load(context: LoadContext) -> Scorer:
    (path,) = context.weights.values()
    net = str(context.params["net"])
    backbone = load_backbone(BACKBONES[net], path)
    linear = unwrap(read_checkpoint(Path(__file__).with_name(f"{net}.safetensors")))
    weights = [linear[key] for key in sorted(linear)]
    network = Lpips(backbone.to(context.dtype), weights, context.dtype).to(context.device).eval()
    if context.device.type == "cpu":  # where convolutions are half as fast again with the channels innermost
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    return network


class Lpips(nn.Module):
    """``weights`` of the channels of each seen layer, in their order, (1, C, 1, 1) each."""

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone, weights: list[Tensor], dtype: torch.dtype) -> None:
        super().__init__()
        self.backbone = backbone
        self.dtype = dtype
        self.weights = nn.ParameterList(weight.flatten() for weight in weights)
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1))

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        return one_by_one(self._distance, images, references)

    def _distance(self, images: Tensor, references: Tensor) -> Tensor:
        return torch.stack(self.distances(images, references)).sum(dim=0)

    def distances(self, images: Tensor, references: Tensor) -> list[Tensor]:
        """What each seen layer adds to the distance of (N, 3, H, W) in [0, 1]: (N,) each."""
        pairs = (2 * torch.cat([images, references]) - 1 - self.shift) / self.scale
        stages = self.backbone.stages(pairs.to(self.dtype))
        return [_apart(stage.float()) @ weight for stage, weight in zip(stages, self.weights, strict=True)]


def _apart(features: Tensor) -> Tensor:
    """(2 N, C, h, w), images then references -> the squared differences of each channel's directions, (N, C)."""
    lengths: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    image, reference = (features / (lengths + EPSILON)).chunk(2)
    return (image - reference).square_().mean(dim=(2, 3))
