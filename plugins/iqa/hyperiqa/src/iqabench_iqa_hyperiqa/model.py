"""HyperIQA as a scorer: the mean score of an image's crops, each normalised as for ImageNet.

The authors' weights give about 0..100, pyiqa's about 0..1; neither is clamped. Where the crops are random, their
places come from the image's seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.compat.batchnorm import fold_batch_norms
from iqabench.compat.convolution import quicken_convolutions
from iqabench.compat.imagenet import Normalise
from iqabench_iqa_hyperiqa.checkpoint import load_weights
from iqabench_iqa_hyperiqa.crops import grid_crops, random_crops
from iqabench_iqa_hyperiqa.network import HyperNet

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer


class HyperIqa(nn.Module):
    """Scores (N,) of images (N, 3, H, W). ``crops`` is None for pyiqa's grid."""

    def __init__(self, network: HyperNet, crops: int | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalise()
        self.crops = crops
        self.dtype = dtype

    def forward(self, images: Tensor, references: Tensor | None = None, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        # One image at a time: its crops fill a batch of their own.
        return torch.stack([self._score(image, seed) for image, seed in zip(images, seeds, strict=True)])

    def _score(self, image: Tensor, seed: int) -> Tensor:
        crops = grid_crops(image) if self.crops is None else random_crops(image, self.crops, seed)
        return self.scores_of_crops(crops).mean()

    def scores_of_crops(self, crops: Tensor) -> Tensor:
        """(N, 3, 224, 224) in [0, 1] -> (N,)."""
        with torch.autocast(crops.device.type, self.dtype, enabled=self.dtype != torch.float32):
            hyper, distortions = self.network(self.normalise(crops))
        return self.network.score(hyper.float(), distortions.float())


def load(context: LoadContext) -> Scorer:
    (path,) = context.weights.values()
    network = HyperNet()
    load_weights(network, path)
    fold_batch_norms(network.res)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    network.res = quicken_convolutions(network.res, context.device, context.dtype)
    crops = int(context.params["crops"]) if context.params["preprocess"] == "official" else None
    return HyperIqa(network, crops, context.dtype).eval().to(context.device)
