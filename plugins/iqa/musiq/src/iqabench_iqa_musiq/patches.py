"""An image as MUSIQ sees it: cut into patches at three sizes, each patch with a place and a size.

Its own size comes last; before it two copies whose longer side is 224 and 384. Patches that the authors' code adds
to fill a fixed length are masked out of every attention there, so they are not made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from iqabench.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATCH = 32
GRID = 10  # places in an image along a side, whatever its size
LONGER_SIDES = (224, 384)
RADIUS, SIGMA = 1.5, 0.5  # of TensorFlow's Gaussian kernel for resizing, in pixels of the larger image too


@dataclass(frozen=True, slots=True)
class Patches:
    """``pixels`` (N, L, 3, 32, 32) in [-1, 1]; ``places`` (L,) in [0, 100) and ``scales`` (L,) in [0, 3)."""

    pixels: Tensor
    places: Tensor
    scales: Tensor


def cut(images: Tensor, *, official: bool) -> Patches:
    """(N, 3, H, W) in [0, 1] -> its patches. Raises ImageError where a side of a smaller copy vanishes."""
    scaled = images * 2 - 1
    copies = [_smaller(scaled, longer, official=official) for longer in LONGER_SIDES]
    parts = [_grid(copy) for copy in (*copies, scaled)]
    places = np.concatenate([_places(*counts) for _, counts in parts])
    scales = np.repeat(np.arange(len(parts)), [rows * columns for _, (rows, columns) in parts])
    return Patches(
        pixels=torch.cat([pixels for pixels, _ in parts], dim=1),
        places=torch.from_numpy(places).to(images.device),
        scales=torch.from_numpy(scales).to(images.device),
    )


def _smaller(images: Tensor, longer: int, *, official: bool) -> Tensor:
    """The images with ``longer`` pixels on their longer side; larger, if they were small."""
    sides = images.shape[-2:]
    if official:  # in float32, as TensorFlow computes it
        ratio = np.float32(longer) / np.float32(max(sides))
        height, width = (int(np.round(np.float32(side) * ratio)) for side in sides)
    else:
        height, width = (round(side * (longer / max(sides))) for side in sides)
    if not height or not width:
        raise ImageError(
            f"ugc.musiq: {sides[1]}×{sides[0]} is too long and thin; nothing is left of it {longer} pixels long.",
            hint="Crop it.",
        )
    if official:
        return _gaussian_rows(_gaussian_rows(images, height).mT, width).mT
    return interpolate(images, (height, width), mode="bicubic", align_corners=False)


def _gaussian_rows(images: Tensor, out: int) -> Tensor:
    """(N, C, H, W) -> (N, C, out, W), as tf.image.resize with method GAUSSIAN and no antialiasing."""
    indices, weights = _taps(images.shape[-2], out)
    index = torch.from_numpy(indices).to(images.device)
    weight = torch.from_numpy(weights).to(images.device, images.dtype)[..., None]
    total = images.index_select(-2, index[0]).mul_(weight[0])
    for at, by in zip(index[1:], weight[1:], strict=True):
        total.addcmul_(images.index_select(-2, at), by)
    return total


@lru_cache(maxsize=64)
def _taps(side: int, out: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which input pixels make each output pixel, and by how much: (taps, out) each. What lies beyond the image
    does not count."""
    one = np.float32(1)
    # In float32, as TensorFlow computes it: whether a pixel at the very edge of the kernel counts hangs on it.
    centre = (np.arange(out, dtype=np.float32) + one / 2) * (one / (np.float32(out) / np.float32(side)))
    positions = np.floor(centre) + np.arange(-2, 3, dtype=np.float32)[:, None]
    distance = np.abs(positions + one / 2 - centre)
    weights = np.exp(-(distance.astype(np.float64) ** 2) / (2 * SIGMA**2))
    weights *= (distance < RADIUS) & (positions >= 0) & (positions < side)
    weights /= weights.sum(axis=0)
    used = weights.any(axis=1)
    return positions[used].clip(0, side - 1).astype(np.int64), weights[used].astype(np.float32)


def _grid(images: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """(N, 3, H, W) -> patches (N, rows · columns, 3, 32, 32), row by row, and (rows, columns); padded with zeros,
    the middle of the range, half before and half after."""
    rows, columns = (-(-side // PATCH) for side in images.shape[-2:])
    down, along = rows * PATCH - images.shape[-2], columns * PATCH - images.shape[-1]
    padded = pad(images, (along // 2, along - along // 2, down // 2, down - down // 2))
    tiles = padded.view(len(images), 3, rows, PATCH, columns, PATCH)
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(len(images), rows * columns, 3, PATCH, PATCH), (rows, columns)


@lru_cache(maxsize=64)
def _places(rows: int, columns: int) -> NDArray[np.int64]:
    """The place of each patch on the coarse grid that all images share (section 3.3 of the paper)."""
    down, along = (
        np.floor(np.arange(count, dtype=np.float32) * np.float32(GRID / count)).astype(np.int64).clip(max=GRID - 1)
        for count in (rows, columns)
    )
    places: NDArray[np.int64] = (down[:, None] * GRID + along).ravel()
    return places
