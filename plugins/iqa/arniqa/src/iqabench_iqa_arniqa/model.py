"""ARNIQA as a scorer (Agnolucci et al., "ARNIQA: Learning Distortion Manifold for Image Quality Assessment", WACV
2024): features of the image and of its half-size copy, normalised, side by side into a linear regressor.

The score is scaled as the official code does, so that 0..1 is the range of the regressor's data set and higher
is better; it is not clamped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from iqabench.compat.batchnorm import fold_batch_norms
from iqabench.compat.convolution import quicken_convolutions
from iqabench.compat.imagenet import Normalise
from iqabench.compat.pillow import resize
from iqabench.ops.batch import one_by_one
from iqabench_iqa_arniqa import ENCODER
from iqabench_iqa_arniqa.checkpoint import Regressor, load_encoder, load_regressor
from iqabench_iqa_arniqa.crops import five_crops

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

RANGES = {
    "live": (1, 100),
    "csiq": (0, 1),
    "tid2013": (0, 9),
    "kadid10k": (1, 5),
    "flive": (1, 100),
    "spaq": (1, 100),
    "clive": (1, 100),
    "koniq10k": (1, 100),
}
"""Lowest and highest opinion of each data set, as the official code has them."""
LOWER_IS_BETTER = ("live", "csiq")


class Arniqa(nn.Module):
    """Scores (N,) of images (N, 3, H, W)."""

    def __init__(
        self, encoder: nn.Module, regressor: Regressor, dataset: str, preprocess: str, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.regressor = regressor
        self.normalise = Normalise()
        self.low, self.high = RANGES[dataset]
        self.inverted = dataset in LOWER_IS_BETTER
        self.preprocess = preprocess
        self.dtype = dtype

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        return one_by_one(self._score, images)

    def _score(self, images: Tensor) -> Tensor:
        halves = half_size(images, self.preprocess)
        if self.preprocess == "crops":
            scales = torch.cat([five_crops(images), five_crops(halves)])
            features, coarse = self.features(scales.flatten(0, 1)).chunk(2)
        else:
            features, coarse = self.features(images), self.features(halves)
        raw: Tensor = self.regressor(torch.cat([features, coarse], dim=-1))
        scaled = (raw - self.low) / (self.high - self.low)
        scores = scaled.view(len(images), -1).mean(dim=-1)  # over an image's crops
        return 1 - scores if self.inverted else scores

    def features(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> (N, 2048) of length one."""
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            pooled: Tensor = self.encoder(self.normalise(images))
        unit: Tensor = normalize(pooled.float(), dim=-1)
        return unit


def half_size(images: Tensor, preprocess: str) -> Tensor:
    """(N, 3, H, W) -> (N, 3, H // 2, W // 2), bilinear; the choices differ in antialiasing and rounding."""
    size = (images.shape[-2] // 2, images.shape[-1] // 2)
    if preprocess == "torchmetrics":
        return interpolate(images, size, mode="bilinear", antialias=True)
    if preprocess == "pyiqa":
        return interpolate(images, scale_factor=0.5, mode="bilinear")
    return resize(images, size)


def load(context: LoadContext) -> Scorer:
    dataset = str(context.params["weights"])
    encoder = load_encoder(context.weights[ENCODER])
    fold_batch_norms(encoder)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    encoder = quicken_convolutions(encoder, context.device, context.dtype)
    regressor = load_regressor(context.weights[f"regressor_{dataset}.pth"])
    model = Arniqa(encoder, regressor, dataset, str(context.params["preprocess"]), context.dtype)
    return model.eval().to(context.device)
