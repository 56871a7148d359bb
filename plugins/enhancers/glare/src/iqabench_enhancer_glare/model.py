"""GLARE as an enhancer: RGB in [0, 1], mirrored out on all sides, as logarithms; one pass over the whole image.

Its attention, its norms and the ratio that weighs its codes see the whole image, so it cannot be run in tiles.
The official program cuts its result off to whole steps of 1/255, which is half a step darker than rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.weights.config import read_config
from iqabench_enhancer_glare.checkpoint import load_weights
from iqabench_enhancer_glare.config import Config
from iqabench_enhancer_glare.network import Codebook, Glare, drop_unused

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext

MULTIPLE = 16
DARKEST = 1e-3


class GlareEnhancer(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> the same in normal light."""

    def __init__(self, network: Glare, codebook: Codebook, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.codebook = codebook
        self.dtype = dtype

    def forward(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG002 (the Enhancer protocol)
        # One by one on every device: a batch may round otherwise, and then find another code here and there.
        return torch.cat([self._enhance(image) for image in torch.split(images, 1)])

    def _enhance(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        padded, top, left = mirrored(images)
        dark = (padded + DARKEST).clamp_(min=DARKEST).log_()
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            made: Tensor = self.network(dark, self.codebook)
        return made.float().clamp_(0, 1)[..., top : top + height, left : left + width]


def mirrored(images: Tensor) -> tuple[Tensor, int, int]:
    """The images extended to multiples of 16, and how many rows and columns there are above and to the left.

    Always by something: by 16 where a side is a multiple already. The smaller half lies above and to the left.
    Beyond its borders an image is mirrored, the edge pixel repeated.
    """
    firsts = []
    for dim in (-2, -1):
        side = images.shape[dim]
        more = MULTIPLE - side % MULTIPLE
        firsts.append(more // 2)
        places = torch.arange(-firsts[-1], side + more - firsts[-1], device=images.device) % (2 * side)
        images = images.index_select(dim, torch.minimum(places, 2 * side - 1 - places))
    return images, firsts[0], firsts[1]


def load(context: LoadContext) -> Enhancer:
    config = read_config(context.weights["config.json"], Config)
    with torch.device("meta"):
        network, codebook = Glare(config), Codebook(config)
    network.to_empty(device="cpu")
    codebook.to_empty(device="cpu")
    load_weights(network, codebook, context.weights)
    drop_unused(network, codebook)
    return GlareEnhancer(network, codebook, context.dtype).eval().to(context.device)
