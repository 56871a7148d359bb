"""Interpolation with the Lanczos kernel sinc(x) sinc(x / 3), |x| < 3 (Duchon 1979), clipped to [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iqabench.ops.resize import imresize

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Enhancer, LoadContext


def load(context: LoadContext) -> Enhancer:
    scale = int(context.params["scale"])

    def enlarge(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        return imresize(images, scale=scale, kernel="lanczos3").clamp(0, 1)

    return enlarge
