"""The first stage, which removes degradations: BSRNet, SCUNet or SwinIR, networks of spandrel.

What goes around each of them, the resizing and padding, is that of the official pipelines. Images are RGB, float;
results are not clamped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn.functional import interpolate, pad

from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.diffusion import ldm
from iqabench.diffusion.folder import own_keys
from iqabench.diffusion.ldm import Source
from iqabench.ops.tiles import blend_tiles
from iqabench_enhancer_diffbir.network import read_state

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench_enhancer_diffbir.config import Config

MULTIPLE = 64


class BSRNet(nn.Module):
    """×4 by RRDBNet, then to the size wanted: Zhang et al., ICCV 2021."""

    def __init__(self, config: Config, tile: int = 0) -> None:
        super().__init__()
        kind = _spandrel("ESRGAN")
        self.blocks = int(config.bsrnet["num_blocks"])
        self.network = kind(scale=4, **config.bsrnet)
        self.short_side, self.tile = config.short_side, tile

    def forward(self, images: Tensor, size: tuple[int, int]) -> Tensor:
        x = _tiled(self.network, images, self.tile, scale=4)
        if min(size) < self.short_side:
            return _short_side_to(x, self.short_side)
        return interpolate(x, size=size, mode="bicubic", antialias=True)

    def sources(self, keys: Iterable[str]) -> dict[str, Source]:
        """The official names, which are those of the newer ESRGAN; spandrel has the older ones."""
        names = {
            "model.0": "conv_first",
            f"model.1.sub.{self.blocks}": "trunk_conv",
            "model.3": "upconv1",
            "model.6": "upconv2",
            "model.8": "HRconv",
            "model.10": "conv_last",
        }
        found = {}
        for key in keys:
            head, _, last = key.rpartition(".")
            official = names.get(head) or head.replace("model.1.sub.", "RRDB_trunk.").removesuffix(".0")
            found[key] = Source(f"{official}.{last}")
        return found


class SCUNet(nn.Module):
    """Zhang et al., Machine Intelligence Research 2023. Sides are filled up to multiples of 64 by their edges."""

    def __init__(self, config: Config, tile: int = 0) -> None:
        super().__init__()
        kind = _spandrel("SCUNet")
        self.network = kind(**config.scunet)
        self.short_side, self.tile = config.short_side, tile

    def forward(self, images: Tensor, size: tuple[int, int]) -> Tensor:  # noqa: ARG002 - as the others
        x = _tiled(self.run, images, self.tile)
        return _short_side_to(x, self.short_side) if min(x.shape[-2:]) < self.short_side else x

    def run(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        filled = pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        made: Tensor = self.network(filled)[..., :height, :width]
        return made

    def sources(self, keys: Iterable[str]) -> dict[str, Source]:
        return own_keys(keys)


class SwinIR(nn.Module):
    """Liang et al., ICCV workshops 2021, at an eighth of the resolution. Sides are filled up with zeros."""

    def __init__(self, config: Config, tile: int = 0) -> None:
        super().__init__()
        kind = _spandrel("SwinIR")
        options = {
            "img_size": 64,
            "window_size": 8,
            "mlp_ratio": 2,
            "upscale": 8,
            "start_unshuffle": 8,
            "upsampler": "nearest+conv",
            "resi_connection": "1conv",
        }
        self.network = kind(**{**options, **config.swinir})
        self.short_side, self.tile = config.short_side, tile

    def forward(self, images: Tensor, size: tuple[int, int]) -> Tensor:  # noqa: ARG002 - as the others
        if self.tile and min(images.shape[-2:]) >= self.tile:
            x = _tiled(self.network, images, self.tile)
            return _short_side_to(x, self.short_side) if min(x.shape[-2:]) < self.short_side else x
        if min(images.shape[-2:]) < self.short_side:
            images = _short_side_to(images, self.short_side)
        made: Tensor = self.network(pad_to(images, MULTIPLE))
        return made[..., : images.shape[-2], : images.shape[-1]]

    def sources(self, keys: Iterable[str]) -> dict[str, Source]:
        """In the official network the pixels are shuffled by a module in front of the first convolution."""
        return {key: Source(key.replace("conv_first.", "conv_first.1.")) for key in keys}


Cleaner = BSRNet | SCUNet | SwinIR
CONSTANTS = ("*relative_position_index", "*attn_mask")


def load_cleaner(kind: Callable[..., Cleaner], config: Config, path: Path, *, tile: int, device: Any) -> Cleaner:
    """In float32, whatever the rest computes in: these networks are small. Raises KeysMismatch."""
    cleaner = kind(config, tile)
    state: Mapping[str, Tensor] = read_state(path)
    ldm.fill(cleaner.network, state, cleaner.sources, path, constants=CONSTANTS, device=device)
    return cleaner.eval()


def pad_to(images: Tensor, multiple: int) -> Tensor:
    """Zeros below and to the right, up to multiples of ``multiple``."""
    height, width = images.shape[-2:]
    return pad(images, (0, -width % multiple, 0, -height % multiple))


def _spandrel(name: str) -> Any:
    """A network's class. The whole library is imported first, for its architectures import one another through it."""
    import_beside_torchvision("spandrel")
    return getattr(import_beside_torchvision(f"spandrel.architectures.{name}"), name)


def _short_side_to(images: Tensor, side: int) -> Tensor:
    height, width = images.shape[-2:]
    size = (side, int(width * (side / height))) if height <= width else (int(height * (side / width)), side)
    return interpolate(images, size=size, mode="bicubic", antialias=True)


def _tiled(run: Callable[[Tensor], Tensor], images: Tensor, tile: int, scale: int = 1) -> Tensor:
    """The whole where it is smaller than a tile or ``tile`` is 0; else in tiles that overlap by half."""
    if not tile or min(images.shape[-2:]) < tile:
        return run(images)
    size = (images.shape[-2], images.shape[-1])
    return blend_tiles(lambda rows, columns: run(images[..., rows, columns]), size, tile, tile // 2, scale=scale)
