"""Enlarging an image in squares, so that memory depends on the square and not on the image."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def enlarge_in_tiles(
    network: Callable[[Tensor], Tensor], images: Tensor, *, scale: int, tile: int, overlap: int
) -> Tensor:
    """``network`` applied to squares of ``tile`` pixels: (N, 3, H, W) -> (N, 3, scale·H, scale·W).

    Each square is given ``overlap`` more pixels of the image on every side, and its result cut back to its own
    part. The whole is what the network makes of the whole image where ``overlap`` is no less than the radius of
    its receptive field.
    """
    height, width = images.shape[-2:]
    output = images.new_empty((*images.shape[:2], height * scale, width * scale))
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            seen_top, seen_left = max(top - overlap, 0), max(left - overlap, 0)
            seen = images[..., seen_top : bottom + overlap, seen_left : right + overlap]
            made = network(seen)[
                ...,
                (top - seen_top) * scale : (bottom - seen_top) * scale,
                (left - seen_left) * scale : (right - seen_left) * scale,
            ]
            output[..., top * scale : bottom * scale, left * scale : right * scale] = made
    return output
