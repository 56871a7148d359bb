"""The normalisation that networks trained on ImageNet expect."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """RGB (N, 3, H, W) in [0, 1] -> mean 0 and deviation 1 over ImageNet, or as the given numbers say.

    The result lies in memory with its channels innermost, in which order convolutions are quickest on CPUs
    and on recent GPUs.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, mean: tuple[float, float, float] = MEAN, deviation: tuple[float, float, float] = DEVIATION
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        return (images - self.mean) / self.deviation
