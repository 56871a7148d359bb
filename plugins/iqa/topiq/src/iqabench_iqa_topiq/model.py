"""TOPIQ as a scorer: RGB in [0, 1] at its own size, ImageNet normalisation, one pass over the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from iqabench.compat.batchnorm import with_counters
from iqabench.compat.convolution import quicken_convolutions
from iqabench.compat.imagenet import Normalise
from iqabench.ops.batch import one_by_one
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_iqa_topiq.network import CFANet

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What differs between the published networks. ``short_side`` is what images are resized to; None leaves them."""

    channels: int = 256
    heads: int = 4
    classes: int = 1
    short_side: int | None = None


VARIANTS = {
    "flive": Variant(short_side=384),
    "ava": Variant(channels=512, heads=8, classes=10, short_side=384),
}


class Topiq(nn.Module):
    """Scores (N,) of images (N, 3, H, W): about 0..1, not clamped; ``ava`` within 1..10."""

    ratings: Tensor

    def __init__(self, network: CFANet, variant: Variant, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalise()
        self.short_side = variant.short_side
        self.dtype = dtype
        self.register_buffer("ratings", torch.arange(1.0, variant.classes + 1))

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:
        return one_by_one(self._score, images, *([] if references is None else [references]))

    def _score(self, *batches: Tensor) -> Tensor:
        with torch.autocast(batches[0].device.type, self.dtype, enabled=self.dtype != torch.float32):
            pooled: Tensor = self.network(*map(self._prepared, batches))
        outputs: Tensor = self.network.score_linear(pooled.float())
        return outputs @ self.ratings  # the expected rating; of one class, the output itself

    def _prepared(self, images: Tensor) -> Tensor:
        if self.short_side is not None:
            short = min(images.shape[-2:])
            size = [self.short_side * side // short for side in images.shape[-2:]]
            images = interpolate(images, size, mode="bilinear", antialias=True)
        normalised: Tensor = self.normalise(images)
        return normalised


def load(context: LoadContext) -> Scorer:
    return _load(context, reference=False)


def load_with_reference(context: LoadContext) -> Scorer:
    return _load(context, reference=True)


def _load(context: LoadContext, *, reference: bool) -> Scorer:
    variant = VARIANTS.get(str(context.params["weights"]), Variant())
    (path,) = context.weights.values()
    network = CFANet(reference=reference, channels=variant.channels, heads=variant.heads, classes=variant.classes)
    load_weights(network, path)
    network.simplify()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    network.semantic_model = quicken_convolutions(network.semantic_model, context.device, context.dtype)
    return Topiq(network, variant, context.dtype).eval().to(context.device)


def load_weights(network: CFANet, path: Path) -> None:
    """Fill ``network`` from an official file: a state under ``params``, its keys perhaps with ``module.`` before."""
    state = strip_prefix(unwrap(read_checkpoint(path), "params"), "module.")
    load_strictly(network, with_counters(state, network), path)
