"""OpenCV's resizing of 8-bit images, by which QuadPrior brings images to its working size.

``INTER_LANCZOS4`` where they grow: eight taps whose weights are whole multiples of 1/2048, the border repeated.
``INTER_AREA`` where they shrink: means over the area of each new pixel; if one side grows nevertheless, linear
interpolation within that area.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

MULTIPLE = 64
LOBES = 4
FIXED = 2048
Taps = tuple[np.ndarray, np.ndarray]
"""Which input pixels make each output pixel, and by how much: (taps, out) each."""


def working_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """(height, width) with that short side, or about their own for 0, rounded to multiples of 64."""
    factor = short_side / min(height, width) if short_side else 1.0
    high, wide = (max(1, round(side * factor / MULTIPLE)) * MULTIPLE for side in (height, width))
    return high, wide


def resize(images: Tensor, size: tuple[int, int], *, grow: bool) -> Tensor:
    """(N, C, H, W) in [0, 1] -> (N, C, *size), in whole steps of 1/255: by Lanczos' kernel if ``grow``, or area."""
    pixels = (images * 255).round()
    sides = images.shape[-2], images.shape[-1]
    if sides != size:
        taps = _lanczos if grow else _area if all(map(int.__ge__, sides, size)) else _linear
        pixels = _resample(pixels.double() if grow else pixels.float(), size, taps)
        pixels = (pixels / FIXED**2 + 0.5).floor() if grow else pixels.round()
    return (pixels.clamp(0, 255) / 255).to(images.dtype)


def _resample(pixels: Tensor, size: tuple[int, int], taps: Callable[[int, int], Taps]) -> Tensor:
    along = _resample_rows(pixels.mT, taps(pixels.shape[-1], size[1])).mT
    return _resample_rows(along, taps(pixels.shape[-2], size[0]))


def _resample_rows(pixels: Tensor, taps: Taps) -> Tensor:
    places, weights = (torch.from_numpy(each).to(pixels.device) for each in taps)
    weights = weights.to(pixels.dtype)
    total = torch.zeros((), dtype=pixels.dtype, device=pixels.device)
    for place, weight in zip(places, weights, strict=True):
        total = total + pixels.index_select(-2, place) * weight[:, None]
    return total


def _lanczos(side: int, out: int) -> Taps:
    """In float32 where OpenCV is, for some weights lie on the border between two of its steps."""
    at = ((np.arange(out) + 0.5) * (side / out) - 0.5).astype(np.float32)
    first = np.floor(at)
    offsets = np.arange(1 - LOBES, 1 + LOBES, dtype=np.float32)[:, None]
    away = (at - first - offsets).astype(np.float64)
    exact = np.abs(away) < 1e-6
    angle = np.where(exact, 1, away * np.pi / LOBES)
    # Of the kernel sin(pi·d)·sin(pi·d / 4) / d², the first factor is the same for all taps but for its sign.
    signs = np.where(offsets % 2 == 0, 1, -1)
    weights = np.where(exact, 1e30, signs * np.sin(angle) / angle**2).astype(np.float32)
    weights *= np.float32(1) / weights.sum(axis=0)
    places = np.clip(first + offsets, 0, side - 1).astype(np.int64)
    return places, np.round(weights * np.float32(FIXED)).astype(np.float64)


def _area(side: int, out: int) -> Taps:
    scale = side / out
    start = np.arange(out) * scale
    first = np.floor(start)
    places = first + np.arange(int(np.ceil(scale)) + 1)[:, None]
    shares = np.minimum(places + 1, start + scale) - np.maximum(places, start)
    shares[shares < 1e-3] = 0  # slivers are not counted
    return np.minimum(places, side - 1).astype(np.int64), shares / shares.sum(axis=0)


def _linear(side: int, out: int) -> Taps:
    first = np.floor(np.arange(out) * (side / out))
    share = np.arange(1, out + 1) - (first + 1) * (out / side)
    share = np.where(share <= 0, 0, share - np.floor(share))
    places = np.minimum(first + np.arange(2)[:, None], side - 1)
    return places.astype(np.int64), np.stack([1 - share, share])
