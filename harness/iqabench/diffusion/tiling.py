"""An exact autoencoder in bounded memory: diffusers' VAE, tile by tile, with the result of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    Steps = Iterator[nn.GroupNorm]

# Its convolutions are local, so a tile with a wide enough margin gives the very same pixels; its group norms are not,
# so all tiles stop at each of them, and go on with the statistics of the whole image.
# The attention at the lowest resolution sees everything, and runs on everything: it is cheap there.


@dataclass(slots=True, eq=False)
class _Tile:
    """A piece of the image on its way through the network, with a margin around its own share."""

    value: Tensor
    share: tuple[tuple[int, int], tuple[int, int]]  # first and last of its own cells, down and along
    cells: tuple[int, int]
    kept: Tensor | None = None

    def own(self) -> Tensor:
        """Its value without the margin."""
        rows, columns = (
            slice(first * side // cells, last * side // cells)
            for (first, last), side, cells in zip(self.share, self.value.shape[-2:], self.cells, strict=True)
        )
        return self.value[..., rows, columns]


def encode(encoder: Any, images: Tensor, *, tile: int = 0) -> Tensor:
    """What diffusers' VAE ``encoder`` makes of (N, 3, H, W): (N, C, H/8, W/8).

    With a ``tile`` in pixels, the resolutions above the lowest run tile by tile, and only one tile is on the
    device at a time; the result is the same but for rounding.
    """
    factor = 2 ** (len(encoder.down_blocks) - 1)
    if not tile or max(images.shape[-2:]) <= tile:
        result: Tensor = encoder(images)
        return result
    resnets = len(encoder.down_blocks[0].resnets)
    margin = 2 * resnets
    for _ in range(len(encoder.down_blocks) - 1):
        margin = 2 * margin + 1 + 2 * resnets
    x = _in_tiles(
        lambda piece: _encoder_steps(encoder, piece), images, factor, max(1, tile // factor), -(-(margin + 1) // factor)
    )
    x = encoder.conv_act(encoder.conv_norm_out(encoder.mid_block(x)))
    made: Tensor = encoder.conv_out(x)
    return made


def decode(decoder: Any, latents: Tensor, *, tile: int = 0) -> Tensor:
    """What diffusers' VAE ``decoder`` makes of (N, C, H/8, W/8): (N, 3, H, W). ``tile`` is in pixels too."""
    factor = 2 ** (len(decoder.up_blocks) - 1)
    if not tile or max(latents.shape[-2:]) * factor <= tile:
        result: Tensor = decoder(latents)
        return result
    resnets = len(decoder.up_blocks[0].resnets)
    margin = 1 + 2 * resnets
    for _ in range(len(decoder.up_blocks) - 1):
        margin = -(-(margin + 1) // 2) + 2 * resnets
    x = decoder.mid_block(decoder.conv_in(latents))
    return _in_tiles(lambda piece: _decoder_steps(decoder, piece), x, 1, max(1, tile // factor), margin)


def _encoder_steps(encoder: Any, tile: _Tile) -> Steps:
    tile.value = encoder.conv_in(tile.value)
    for block in encoder.down_blocks:
        for resnet in block.resnets:
            yield from _resnet_steps(resnet, tile)
        for sampler in block.downsamplers or ():
            tile.value = sampler(tile.value)


def _decoder_steps(decoder: Any, tile: _Tile) -> Steps:
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            yield from _resnet_steps(resnet, tile)
        for sampler in block.upsamplers or ():
            tile.value = sampler(tile.value)
    yield decoder.conv_norm_out
    tile.value = decoder.conv_out(decoder.conv_act(tile.value))


def _resnet_steps(block: Any, tile: _Tile) -> Steps:
    tile.kept = tile.value
    yield block.norm1
    tile.value = block.conv1(block.nonlinearity(tile.value))
    yield block.norm2
    tile.value = block.conv2(block.nonlinearity(tile.value))
    kept = tile.kept.to(tile.value.device)
    if block.conv_shortcut is not None:
        kept = block.conv_shortcut(kept)
    tile.value = (kept + tile.value) / block.output_scale_factor
    tile.kept = None


def _in_tiles(walk: Callable[[_Tile], Steps], x: Tensor, cell: int, step: int, margin: int) -> Tensor:
    """``x`` through the network that ``walk`` goes along, in tiles of ``step`` cells with ``margin`` more around.

    A cell is ``cell`` pixels of ``x``; a tile's steps stop at each group norm, which is then done here.
    """
    device = x.device
    tiles = list(_cut(x, cell, step, margin))
    walks = [walk(tile) for tile in tiles]
    while True:
        norms, sums = [], []
        for tile, steps in zip(tiles, walks, strict=True):
            tile.value = tile.value.to(device)
            norm = next(steps, None)
            if norm is not None:
                norms.append(norm)
                sums.append(_sums(tile.own(), norm.num_groups))
            _rest(tile, device)
        if not norms:
            return _joined(tiles, -(-(x.shape[-1] // cell) // step), device)
        count, total, squares = (sum(part) for part in zip(*sums, strict=True))
        mean = total / count
        scale = (squares / count - mean.square() + norms[0].eps).rsqrt()
        for tile in tiles:
            tile.value = _normalised(tile.value.to(device), norms[0], mean, scale)
            _rest(tile, device)


def _cut(x: Tensor, cell: int, step: int, margin: int) -> Iterator[_Tile]:
    down, along = (side // cell for side in x.shape[-2:])
    for top in range(0, down, step):
        for left in range(0, along, step):
            bottom, right = min(top + step, down), min(left + step, along)
            above, before = max(0, top - margin), max(0, left - margin)
            below, after = min(down, bottom + margin), min(along, right + margin)
            yield _Tile(
                x[..., above * cell : below * cell, before * cell : after * cell],
                ((top - above, bottom - above), (left - before, right - before)),
                (below - above, after - before),
            )


def _joined(tiles: Sequence[_Tile], wide: int, device: torch.device) -> Tensor:
    rows = [
        torch.cat([tile.own().to(device) for tile in tiles[first : first + wide]], dim=-1)
        for first in range(0, len(tiles), wide)
    ]
    return torch.cat(rows, dim=-2)


def _rest(tile: _Tile, device: torch.device) -> None:
    """Out of the device's memory, which is for the tile at work."""
    if device.type != "cpu":
        tile.value = tile.value.to("cpu")
        tile.kept = None if tile.kept is None else tile.kept.to("cpu")


def _sums(x: Tensor, groups: int) -> tuple[int, Tensor, Tensor]:
    """How many values each group has, their sum and that of their squares, (N, groups) in float64."""
    grouped = x.reshape(len(x), groups, -1).double()
    return grouped.shape[-1], grouped.sum(-1), grouped.square().sum(-1)


def _normalised(x: Tensor, norm: nn.GroupNorm, mean: Tensor, scale: Tensor) -> Tensor:
    grouped = x.reshape(len(x), norm.num_groups, -1)
    grouped = (grouped - mean[..., None].to(x.dtype)) * scale[..., None].to(x.dtype)
    return grouped.view_as(x) * norm.weight[:, None, None] + norm.bias[:, None, None]
