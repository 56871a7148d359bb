"""Luma and colour spaces, with the conventions that the field's metrics differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_YIQ = (0.299, 0.587, 0.114)
_Y601 = (65.481 / 255, 128.553 / 255, 24.966 / 255)


def luma(images: Tensor, convention: str = "y", *, rounded: bool = False) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 1, H, W) in [0, 1].

    ``"y"``: full range, 0.299 R + 0.587 G + 0.114 B (the Y of YIQ). ``"y601"``: MATLAB's rgb2ycbcr, which
    lies in 16/255..235/255. ``rounded`` rounds to whole steps of 1/255, as MATLAB code on uint8 images does.
    """
    weights = _YIQ if convention == "y" else _Y601
    # Each product is rounded before it is added: a fused add would depend on where a pixel lies in memory.
    y = images[:, 0:1] * weights[0]
    y += images[:, 1:2] * weights[1]
    y += images[:, 2:3] * weights[2]
    if convention == "y601":
        y += 16 / 255
    return y.mul_(255).round_().div_(255) if rounded else y
