"""Modulated deformable convolution, version 2, without compiled operators.

Zhu et al., "Deformable ConvNets v2: More Deformable, Better Results", CVPR 2019, eq. 1; arguments and layouts are
those of ``torchvision.ops.deform_conv2d``, and so are the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import embedding_bag

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES_AT_ONCE = 1 << 22
"""How many sampled values are held at a time: 16 MB in float32, which is also quicker than more."""


def deform_conv2d(
    images: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    mask: Tensor | None = None,
) -> Tensor:
    """(N, C, H, W) -> (N, D, H', W'), each tap of the kernel reading where its own offset points, bilinearly.

    ``weight`` is (D, C / groups, h, w). ``offset`` is (N, 2·G·h·w, H', W') in pixels: for each of G groups of
    channels, for each tap, first down, then to the right. ``mask`` is (N, G·h·w, H', W'), a factor for each tap.
    Beyond the borders the image is zero. All tensors are of one dtype, float32 or float64. For inference: it
    has no gradient with respect to offsets. Raises ValueError where shapes do not fit.
    """
    steps, pads, spreads = (_pair(value) for value in (stride, padding, dilation))
    count, channels, height, width = images.shape
    outputs, seen, *kernel = weight.shape
    taps = kernel[0] * kernel[1]
    size = [
        (side + 2 * pad - spread * (reach - 1) - 1) // step + 1
        for side, pad, spread, reach, step in zip((height, width), pads, spreads, kernel, steps, strict=True)
    ]
    groups = offset.shape[1] // (2 * taps)
    if not groups or channels % groups or channels % seen or outputs % (channels // seen):
        raise ValueError(
            f"{channels} channels, weights {tuple(weight.shape)} and {offset.shape[1]} offsets do not fit."
        )
    if offset.shape != (count, 2 * groups * taps, *size):
        raise ValueError(f"offset must be {(count, 2 * groups * taps, *size)}, not {tuple(offset.shape)}.")
    if mask is not None and mask.shape != (count, groups * taps, *size):
        raise ValueError(f"mask must be {(count, groups * taps, *size)}, not {tuple(mask.shape)}.")

    matrices = weight.permute(2, 3, 1, 0).reshape(taps * seen, outputs).chunk(channels // seen, dim=1)
    down = _taps(kernel[0], spreads[0], images)[:, None].expand(kernel).reshape(taps, 1)
    along = _taps(kernel[1], spreads[1], images)[None].expand(kernel).reshape(taps, 1)
    rows = max(1, SAMPLES_AT_ONCE // (size[1] * taps * channels))
    made = images.new_empty((count, outputs, *size))
    columns = (torch.arange(size[1], device=images.device) * steps[1] - pads[1]).to(images.dtype)
    for item in range(count):
        table = images[item].reshape(groups, channels // groups, height * width).mT.reshape(groups * height * width, -1)
        places = offset[item].view(groups, taps, 2, *size)
        factors = None if mask is None else mask[item].view(groups, taps, *size)
        for top in range(0, size[0], rows):
            part = slice(top, min(top + rows, size[0]))
            lines = (torch.arange(part.start, part.stop, device=images.device) * steps[0] - pads[0]).to(images.dtype)
            y = (lines[:, None] + down[..., None]) + places[:, :, 0, part]
            x = (columns + along[..., None]) + places[:, :, 1, part]
            index, share = _corners(y, x, height, width)
            if factors is not None:
                share *= factors[:, :, part]
            # (corner, group, tap, row, column) -> each place's taps, each tap's groups, each one's corners
            bags = index.permute(3, 4, 2, 1, 0).reshape(-1, 4)
            shares = share.permute(3, 4, 2, 1, 0).reshape(-1, 4)
            samples = embedding_bag(bags, table, mode="sum", per_sample_weights=shares)
            samples = samples.view(-1, taps, channels // seen, seen)
            parts = [samples[:, :, at].flatten(1) @ matrix for at, matrix in enumerate(matrices)]
            made[item, :, part] = torch.cat(parts, dim=1).mT.view(outputs, part.stop - part.start, size[1])
    return made if bias is None else made.add_(bias[:, None, None])


def _corners(y: Tensor, x: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The four pixels around each place (G, taps, rows, columns), stacked first: rows of the table, and shares."""
    top, left = y.floor(), x.floor()
    first = torch.arange(len(y), device=y.device).view(-1, 1, 1, 1) * (height * width)
    indices, shares = [], []
    for row, across in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, along in ((left, 1 - (x - left)), (left + 1, x - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            shares.append(torch.where(inside, across * along, 0))
            indices.append(first + torch.where(inside, row, 0).long() * width + torch.where(inside, column, 0).long())
    return torch.stack(indices), torch.stack(shares)


def _taps(reach: int, spread: int, like: Tensor) -> Tensor:
    return torch.arange(reach, device=like.device, dtype=like.dtype) * spread


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)
