"""DB-CNN as a scorer: RGB in [0, 1] at its own size, ImageNet normalisation, one pass over the whole image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.compat.batchnorm import fold_batch_norms, with_counters
from iqabench.compat.convolution import quicken_convolutions
from iqabench.compat.imagenet import Normalise
from iqabench.ops.batch import one_by_one
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_iqa_dbcnn.network import DbCnn

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer


def load(context: LoadContext) -> Scorer:
    (path,) = context.weights.values()
    network = DbCnn().eval()
    load_weights(network, path)
    fold_batch_norms(network.features2)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    for name in ("features1", "features2"):
        setattr(network, name, quicken_convolutions(getattr(network, name), context.device, context.dtype))
    return DbCnnScorer(network, context.dtype).eval().to(context.device)


def load_weights(network: DbCnn, path: Path) -> None:
    """Fill ``network`` from a state as the authors' code writes it (``module.`` before every key), or as pyiqa
    released it, under ``params``."""
    state = strip_prefix(unwrap(read_checkpoint(path), "params"), "module.")
    load_strictly(network, with_counters(state, network), path)


class DbCnnScorer(nn.Module):
    """Scores (N,) of images (N, 3, H, W): about 0..1 with the released weights, not clamped."""

    def __init__(self, network: DbCnn, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalise()
        self.dtype = dtype

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        return one_by_one(self._score, images)

    def _score(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            pooled = self.network(self.normalise(images))
        scores: Tensor = self.network.fc(pooled.float())[:, 0]
        return scores
