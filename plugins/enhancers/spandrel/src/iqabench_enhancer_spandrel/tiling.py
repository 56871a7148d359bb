"""Restoring an image in overlapping tiles that fade into each other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from iqabench.ops.tiles import tile_starts


def restore_in_tiles(
    network: Callable[[Tensor], Tensor], images: Tensor, *, scale: int, tile: int, overlap: int
) -> Tensor:
    """``network`` applied to squares of ``tile`` pixels: (N, C, H, W) -> (N, C, scale·H, scale·W).

    Neighbours share ``overlap`` pixels or more. Of these a tile's outermost quarter is not used, since it lacks its
    surroundings, and over the middle half one tile fades into the other. The whole is what the network makes of the
    whole image where its receptive field reaches no further than that quarter.
    """
    height, width = images.shape[-2:]
    high, wide = min(tile, height), min(tile, width)
    stride = tile - overlap
    total = images.new_zeros((*images.shape[:2], height * scale, width * scale), dtype=torch.float32)
    shares = total.new_zeros(total.shape[-2:])
    for top in tile_starts(height, high, min(stride, high)):
        for left in tile_starts(width, wide, min(stride, wide)):
            bottom, right = top + high, left + wide
            down = _share(top, bottom, height, scale, overlap).to(total.device)
            along = _share(left, right, width, scale, overlap).to(total.device)
            share = down[:, None] * along
            place = (slice(top * scale, bottom * scale), slice(left * scale, right * scale))
            total[..., *place] += network(images[..., top:bottom, left:right]).float() * share
            shares[place] += share
    return total / shares


def _share(start: int, end: int, length: int, scale: int, overlap: int) -> Tensor:
    """The weight of each output pixel of a tile along one side, by its distance to borders inside the image."""
    at = (torch.arange((end - start) * scale) + 0.5) / scale
    share = torch.ones_like(at)
    for inside, distance in ((start > 0, at), (end < length, end - start - at)):
        if inside and overlap:
            share = share * ((distance - overlap / 4) / (overlap / 2)).clamp(0, 1)
    return share
