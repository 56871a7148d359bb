"""LightenDiffusion as an enhancer: RGB in [0, 1], reflected out to a multiple of 64 by the harness."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.diffusion import ldm
from iqabench.diffusion.noise import SeededNoise
from iqabench.ops.batch import one_by_one
from iqabench.weights.config import read_config
from iqabench.weights.safe import read_checkpoint, strip_prefix, unwrap
from iqabench_enhancer_lightendiff import CHECKPOINT
from iqabench_enhancer_lightendiff.config import Config
from iqabench_enhancer_lightendiff.network import STRIDE, LightenDiffusion
from iqabench_enhancer_lightendiff.unet import official_sources

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext


class Lightener(nn.Module):
    """Images (N, 3, H, W) in [0, 1], H and W multiples of 64, and a seed each -> enhanced images, not clamped."""

    def __init__(self, network: LightenDiffusion, *, steps: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.steps = steps
        self.dtype = dtype

    def forward(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        count, _, height, width = images.shape
        noise = SeededNoise(seeds, images.device)((count, 3, height // STRIDE, width // STRIDE))
        return one_by_one(self._enhance, images, noise)

    def _enhance(self, images: Tensor, noise: Tensor) -> Tensor:
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            enhanced: Tensor = self.network(images.contiguous(memory_format=torch.channels_last), noise, self.steps)
        return enhanced.float()


def load(context: LoadContext) -> Enhancer:
    network = load_network(read_config(context.weights["config.json"], Config), context.weights[CHECKPOINT])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    lightener = Lightener(network, steps=int(context.params["steps"]), dtype=context.dtype)
    return lightener.eval().to(context.device)


def load_network(config: Config, path: Path) -> LightenDiffusion:
    """The network with the weights of an official file, as released or as training saves it, settings and all.

    The averaged weights that training saves besides are not used, as the official evaluation does not use them.
    """
    state = strip_prefix(unwrap(read_checkpoint(path, allow=(Namespace,)), "state_dict"), "module.")
    with torch.device("meta"):
        network = LightenDiffusion(config)
    ldm.fill(network, state, official_sources, path)
    return network.eval()
