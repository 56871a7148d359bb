"""Test images: made ones that are the same bytes on every machine, the bundled photos, and ladders of harm."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import torch

from iqabench.errors import ImageError
from iqabench.images import SUFFIXES, read_image, to_tensor
from iqabench.ops.filters import gaussian_window, separable_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

NOISE_SIGMAS = (10.0, 25.0, 50.0)
"""Standard deviations of the noise ladder's steps, on the 0-255 scale."""
BLUR_SIGMAS = (1.0, 2.0, 4.0)
"""Standard deviations of the blur ladder's steps, in pixels."""


def dead_leaves(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: discs of all sizes that hide one another, the simplest model of a natural image.

    Radii follow the density r^-3, which makes its statistics those of photos at every scale (Lee, Mumford
    and Huang, "Occlusion models for natural images", 2001). Only exactly rounded arithmetic is used.
    """
    bits = np.random.PCG64(seed)
    image = np.full((height, width, 3), 128, dtype=np.int64)
    empty = np.ones((height, width), dtype=bool)
    smallest, largest = 2.0, max(height, width) / 2
    for _ in range(4000):
        raw = [int(value) for value in bits.random_raw(7)]
        radius = min(smallest / float(np.sqrt((raw[0] % 100_000 + 1) / 100_000)), largest)
        row, column = raw[1] % height, raw[2] % width
        reach = int(radius)
        down = slice(max(row - reach, 0), min(row + reach + 1, height))
        along = slice(max(column - reach, 0), min(column + reach + 1, width))
        box = (down, along)
        ys, xs = np.ogrid[box]
        shown = empty[box] & ((ys - row) ** 2 + (xs - column) ** 2 <= radius * radius)
        light = 24 + raw[3] % 208
        colour = light + np.array([value % 61 - 30 for value in raw[4:]])
        shade = (ys - row + xs - column) * 24 // (2 * reach + 1)
        image[box][shown] = (colour + shade[..., None])[shown]
        empty[box][shown] = False
        if not empty.any():
            break
    grain = bits.random_raw(height * width).astype(np.int64).reshape(height, width, 1) % 7 - 3
    return (image + grain).clip(0, 255).astype(np.uint8)


def natural(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """(count, 3, H, W) float32 in steps of 1/255: different made images."""
    return torch.cat([to_tensor(dead_leaves(height, width, 1000 * seed + i)) for i in range(count)])


@cache
def _photo_pixels() -> tuple[NDArray[np.uint8], ...]:
    folder = resources.files("iqabench") / "demo" / "photos"
    if not folder.is_dir():
        raise ImageError(f"{folder}: the bundled demo photos are not there.", hint="Install iqabench again.")
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if f".{entry.name.lower().rpartition('.')[2]}" in SUFFIXES:
            with resources.as_file(entry) as path:
                found.append(read_image(path))
    return tuple(found)


def photos(count: int | None = None, *, side: int | None = None) -> list[Tensor]:
    """The first ``count`` bundled photos, each (1, 3, H, W) in [0, 1]; ``side`` cuts a square from the middle.

    A photo smaller than ``side`` is mirrored out to it. Raises ImageError where they are not installed.
    """
    chosen = [to_tensor(pixels) for pixels in _photo_pixels()[:count]]
    return chosen if side is None else [_centre(photo, side) for photo in chosen]


def with_noise(images: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """White Gaussian noise of ``sigma`` on the 0-255 scale added, clipped to [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator) * (sigma / 255)
    return (images + noise.to(images)).clamp(0, 1)


def with_blur(images: Tensor, sigma: float) -> Tensor:
    """A Gaussian of ``sigma`` pixels, the edge repeated beyond the border."""
    window = gaussian_window(2 * round(3 * sigma) + 1, sigma)
    return separable_filter(images, window, padding="replicate").clamp(0, 1)


def noise_ladder(images: Tensor) -> list[Tensor]:
    """``images``, then the same with ever more noise."""
    return [images, *(with_noise(images, sigma) for sigma in NOISE_SIGMAS)]


def blur_ladder(images: Tensor) -> list[Tensor]:
    """``images``, then the same with ever more blur."""
    return [images, *(with_blur(images, sigma) for sigma in BLUR_SIGMAS)]


def _centre(image: Tensor, side: int) -> Tensor:
    while min(image.shape[-2:]) < side:
        image = torch.cat([image, image.flip(-1)], dim=-1)
        image = torch.cat([image, image.flip(-2)], dim=-2)
    top, left = ((extent - side) // 2 for extent in image.shape[-2:])
    return image[..., top : top + side, left : left + side].contiguous()
