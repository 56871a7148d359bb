"""QuadPrior as an enhancer: RGB in [0, 1] of any size, brought to the official working size and back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from torch import Tensor, nn

from iqabench.diffusion.memory import resting_place, running
from iqabench.diffusion.noise import SeededNoise
from iqabench.ops.batch import one_by_one
from iqabench.ops.resize import imresize
from iqabench_enhancer_quadprior.checkpoint import load_network
from iqabench_enhancer_quadprior.config import Config
from iqabench_enhancer_quadprior.network import STRIDE, QuadPrior
from iqabench_enhancer_quadprior.resizing import resize, working_size

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext
    from iqabench.types import ParamValue

LATENT_CHANNELS = 4


class Enhance(nn.Module):
    """Images (N, 3, H, W) in [0, 1], RGB, and a seed each -> enhanced images of the same size."""

    def __init__(self, network: QuadPrior, context: LoadContext) -> None:
        super().__init__()
        self.network = network
        self.params: dict[str, ParamValue] = dict(context.params)
        self.device = context.device

    def forward(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        height, width = images.shape[-2:]
        short_side = int(self.params["short_side"])
        size = working_size(height, width, short_side)
        shown = images.flip(1) if self.params["order"] == "bgr" else images
        shown = resize(shown, size, grow=short_side > min(height, width))
        shape = len(images), LATENT_CHANNELS, size[0] // STRIDE, size[1] // STRIDE
        enhanced = one_by_one(self._enhance, shown, SeededNoise(seeds, images.device)(shape))
        enhanced = enhanced.flip(1) if self.params["order"] == "bgr" else enhanced
        if size == (height, width):
            return enhanced
        return imresize(enhanced, size=(height, width), kernel=str(self.params["resize_back"]))

    def _enhance(self, images: Tensor, noise: Tensor) -> Tensor:
        network, steps = self.network, int(self.params["steps"])
        with self._running(network.prior, network.control, network.unet):
            sampled = network.sample(network.hint(images), noise, steps)
        with self._running(network.vae):
            decoded = network.decode(sampled, network.features(images))
        # Cut to whole steps of 1/255, as the official code does.
        return (decoded * 127.5 + 127.5).clamp(0, 255).floor() / 255

    def _running(self, *networks: nn.Module) -> AbstractContextManager[None]:
        return running(*networks, device=self.device, offload=bool(self.params["offload"]))


def load(context: LoadContext) -> Enhancer:
    config = Config.read(context.weights["config.json"])
    place = resting_place(context.device, bool(context.params["offload"]))
    network = load_network(config, context.weights, dtype=context.dtype, device=place)
    network.context = network.context.to(context.device)
    return Enhance(network, context).eval()
