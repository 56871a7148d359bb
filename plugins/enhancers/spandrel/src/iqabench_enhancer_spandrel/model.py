"""sr.spandrel and dn.spandrel: RGB in [0, 1] to RGB in [0, 1], whole or in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from iqabench.errors import UsageError
from iqabench_enhancer_spandrel.checkpoint import read_network
from iqabench_enhancer_spandrel.tiling import restore_in_tiles

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext


def load_enlarging(context: LoadContext) -> Enhancer:
    network = read_network(context.weights["checkpoint"])
    if network.scale != context.params["scale"]:
        instead = f"sr.spandrel[scale={network.scale}]" + (" or dn.spandrel" if network.scale == 1 else "")
        raise UsageError(
            f"The {network.architecture.name} checkpoint enlarges ×{network.scale}, not ×{context.params['scale']}.",
            hint=f"Run it as {instead}.",
        )
    return _enhancer(network, context)


def load_denoising(context: LoadContext) -> Enhancer:
    network = read_network(context.weights["checkpoint"])
    if network.scale != 1:
        raise UsageError(
            f"The {network.architecture.name} checkpoint enlarges ×{network.scale}, so it is no denoiser.",
            hint=f"Run it as sr.spandrel[scale={network.scale}].",
        )
    return _enhancer(network, context)


def _enhancer(network: Any, context: LoadContext) -> Enhancer:
    tile, overlap = int(context.params["tile"]), int(context.params["overlap"])
    if tile and tile < max(2 * overlap, 16):
        raise UsageError(f"tile={tile} is too small.", hint=f"Give {max(2 * overlap, 16)} or more, or less overlap.")
    if tile and network.tiling.name == "INTERNAL":
        raise UsageError(f"{network.architecture.name} tiles images by itself.", hint="Leave tile at 0.")
    half = {torch.float16: network.supports_half, torch.bfloat16: network.supports_bfloat16}
    if not half.get(context.dtype, True):
        dtype = str(context.dtype).removeprefix("torch.")
        raise UsageError(f"{network.architecture.name} does not compute in {dtype}.", hint="Run it in float32.")
    network.to(context.device, context.dtype)

    def restore(image: Tensor) -> Tensor:
        """(1, 3, H, W) -> (1, 3, s·H, s·W); a network of one channel takes red, green and blue in turn."""
        return torch.cat([network(part) for part in image.chunk(3 // network.input_channels, dim=1)], dim=1)

    def enhance(images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        results = []
        for image, seed in zip(images.to(context.dtype).unsqueeze(1), seeds, strict=True):
            # A few networks draw noise from torch's own generators.
            with torch.random.fork_rng(devices=[context.device] if context.device.type == "cuda" else []):
                torch.manual_seed(seed)
                results.append(
                    restore_in_tiles(restore, image, scale=network.scale, tile=tile, overlap=overlap)
                    if tile
                    else restore(image)
                )
        return torch.cat(results).float()

    return enhance
