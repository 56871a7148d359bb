"""NeRCo as an enhancer: RGB in [0, 1], sides fitted to multiples of 4, one pass over the whole image.

Its norms and its mask see the whole image, so it cannot be run in tiles. The official program cuts its result
off to whole steps of 1/255, which is half a step darker than rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from iqabench.compat import pillow
from iqabench.ops.batch import one_by_one
from iqabench.ops.resize import imresize
from iqabench.weights.config import read_config
from iqabench_enhancer_nerco.checkpoint import load_weights
from iqabench_enhancer_nerco.network import STRIDE, Config, NeRCo

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext


class Nerco(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> the same in normal light."""

    def __init__(self, network: NeRCo, *, resize: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.resize = resize
        self.dtype = dtype

    def forward(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG002 (the Enhancer protocol)
        return one_by_one(self._enhance, images)

    def _enhance(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        if height % STRIDE == 0 and width % STRIDE == 0:
            return self._lighten(images)
        if self.resize:
            near = round(height / STRIDE) * STRIDE, round(width / STRIDE) * STRIDE
            made = self._lighten(pillow.resize(images, near, pillow.BICUBIC))
            return imresize(made, size=(height, width)).clamp_(0, 1)
        mirrored = pad(images, (0, -width % STRIDE, 0, -height % STRIDE), mode="reflect")
        return self._lighten(mirrored)[..., :height, :width]

    def _lighten(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            made: Tensor = self.network(images * 2 - 1)
        return made.float().add_(1).div_(2)


def load(context: LoadContext) -> Enhancer:
    config = read_config(context.weights["config.json"], Config)
    with torch.device("meta"):
        network = NeRCo(config)
    network.to_empty(device="cpu")
    load_weights(network, context.weights)
    return Nerco(network, resize=bool(context.params["resize"]), dtype=context.dtype).eval().to(context.device)
