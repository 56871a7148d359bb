"""Real-ESRGAN and RealSR: RRDBNet with the weights of either. Input and output are RGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from iqabench_enhancer_rrdbnet.checkpoint import load_weights
from iqabench_enhancer_rrdbnet.network import RRDBNet
from iqabench_enhancer_rrdbnet.tiling import enlarge_in_tiles

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

SCALE = 4
BLOCKS = {"x4plus": 23, "x4plus-anime": 6}


def load_realesrgan(context: LoadContext) -> Enhancer:
    return _load(context, BLOCKS[str(context.params["model"])])


def load_realsr(context: LoadContext) -> Enhancer:
    return _load(context, 23)


def _load(context: LoadContext, blocks: int) -> Enhancer:
    (path,) = context.weights.values()
    with torch.device("meta"):
        network = RRDBNet(blocks=blocks)
    network.to_empty(device="cpu")  # every one of its tensors is then loaded
    load_weights(network, path)
    network.to(context.device, context.dtype).eval()
    # On the CPU, convolutions are half as fast again with the channels innermost.
    layout = torch.channels_last if context.device.type == "cpu" else torch.contiguous_format
    network.to(memory_format=layout)  # type: ignore[call-overload]  # torch's stubs ask for more
    tile, overlap = int(context.params["tile"]), int(context.params["overlap"])

    def whole(images: Tensor) -> Tensor:
        result: Tensor = network(images.contiguous(memory_format=layout))
        return result

    def enlarge(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        images = images.to(context.dtype)
        if tile:
            return enlarge_in_tiles(whole, images, scale=SCALE, tile=tile, overlap=overlap).float()
        return whole(images).float()

    return enlarge
