"""dn.maskdn: RGB in [0, 1], mirrored out to whole windows, denoised whole or in overlapping tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iqabench.errors import UsageError
from iqabench.ops.tiles import blend_tiles
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench_enhancer_maskdn.masks import TokenMasks
from iqabench_enhancer_maskdn.network import MaskedDenoiser

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext

OVERLAP = 32
_CONSTANTS = (".relative_position_index", ".attn_mask")


def load(context: LoadContext) -> Enhancer:
    (path,) = context.weights.values()
    network = MaskedDenoiser()
    load_weights(network, path)
    network.to(context.device).eval()
    hides = bool(context.params["attention_mask"]) and context.params["model"] == "masked"
    tile = int(context.params["tile"])
    if tile and (tile % network.window or tile <= OVERLAP):
        raise UsageError(
            f"dn.maskdn: tile={tile} is no multiple of {network.window} over {OVERLAP}.",
            hint="Give tile=256, or 0 for the whole image.",
        )

    def denoise(images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        # On CPU one at a time: what sums in another order changes in the last bits, the network enlarges.
        step = 1 if images.device.type == "cpu" else max(1, len(images))
        places = range(0, len(images), step)
        return torch.cat([denoise_some(images[at : at + step], seeds[at : at + step]) for at in places])

    def denoise_some(images: Tensor, seeds: Sequence[int]) -> Tensor:
        masks = TokenMasks(seeds) if hides else None
        height, width = images.shape[-2:]
        padded = mirrored(images, network.window)

        def run(part: Tensor) -> Tensor:
            made: Tensor = network(part, masks)
            return made

        return (in_squares(run, padded, tile) if tile else run(padded))[..., :height, :width]

    return denoise


def load_weights(network: MaskedDenoiser, path: Path) -> None:
    """Fill ``network`` from an official file, perhaps with its state under ``params``.

    What the file says of tables that follow from the window alone must have their shape; their values stay
    those of the network. Raises KeysMismatch.
    """
    own = network.state_dict()

    def kept(key: str, value: Tensor) -> bool:
        return key.endswith(_CONSTANTS) and key in own and value.shape == own[key].shape

    state = unwrap(read_checkpoint(path), "params")
    load_strictly(network, {key: own[key] if kept(key, value) else value for key, value in state.items()}, path)


def mirrored(images: Tensor, multiple: int) -> Tensor:
    """Mirrored out, edge included, at the bottom and then the right, to the next multiple beyond the own size.

    A side that is a multiple already is given one window more, as by the authors' script.
    """
    for dim in (2, 3):
        side = images.shape[dim]
        more = multiple - side % multiple
        images = torch.cat((images, images.narrow(dim, side - more, more).flip(dim)), dim)
    return images


def in_squares(run: Callable[[Tensor], Tensor], images: Tensor, side: int) -> Tensor:
    """The mean of what ``run`` makes of squares of ``side`` pixels, or of the shorter side, that cover the images.

    They overlap by at least OVERLAP, or by half where the image is too thin for that.
    """
    size = images.shape[-2], images.shape[-1]
    side = min(side, *size)
    stride = side - OVERLAP if side > OVERLAP else side // 2
    return blend_tiles(lambda rows, columns: run(images[..., rows, columns]), size, side, stride, weigh=torch.ones)
