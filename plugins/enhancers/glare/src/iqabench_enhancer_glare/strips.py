"""3×3 convolutions in strips of rows, with what comes right before them.

A strip stays in the processor's cache, and what is between two layers never exists whole: at full size the
activations of one layer are as large as those that the network must keep.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad, silu

PIXELS_AT_ONCE = 1 << 13


def convolve(conv: nn.Conv2d, height: int, width: int, rows_of: Callable[[int, int], Tensor]) -> Tensor:
    """``conv``, 3×3 with a border of zeros, of an input of ``height`` × ``width`` that is made piece by piece.

    ``rows_of(first, last)`` gives the input's rows from ``first`` up to ``last``, (N, C, last - first, width).
    """
    step = max(1, PIXELS_AT_ONCE // width)
    made: Tensor | None = None
    for top in range(0, height, step):
        bottom = min(top + step, height)
        first, last = max(top - 1, 0), min(bottom + 1, height)
        piece = rows_of(first, last)
        if (beyond := (first - top + 1, bottom + 1 - last)) != (0, 0):
            piece = pad(piece, (0, 0, *beyond))
        part = conv2d(piece, conv.weight, conv.bias, padding=(0, 1))
        if made is None:
            made = part.new_empty((*part.shape[:2], height, width))
        made[:, :, top:bottom] = part
    assert made is not None
    return made


def norm_swish_convolve(x: Tensor, norm: nn.GroupNorm, conv: nn.Conv2d) -> Tensor:
    """``conv(silu(norm(x)))``; the norm's mean and variance are those of the whole image."""
    count, channels, height, width = x.shape
    variance, mean = torch.var_mean(x.float().view(count, norm.num_groups, -1), dim=-1, correction=0)
    each = channels // norm.num_groups
    scale = (variance + norm.eps).rsqrt().repeat_interleave(each, dim=1) * norm.weight
    shift = norm.bias - mean.repeat_interleave(each, dim=1) * scale
    scale, shift = scale[..., None, None], shift[..., None, None]
    return convolve(
        conv,
        height,
        width,
        lambda first, last: silu(torch.addcmul(shift, x[:, :, first:last].float(), scale), inplace=True),
    )


def upsample_convolve(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """``conv`` of ``x`` at twice its size, each value repeated."""

    def rows_of(first: int, last: int) -> Tensor:
        source = slice(first // 2, (last + 1) // 2)
        larger = interpolate(x[:, :, source], scale_factor=2.0, mode="nearest")
        return larger[:, :, first - 2 * source.start : last - 2 * source.start]

    return convolve(conv, 2 * x.shape[-2], 2 * x.shape[-1], rows_of)


def join_convolve(one: Tensor, other: Tensor, conv: nn.Conv2d) -> Tensor:
    """``conv`` of both, their channels side by side."""
    return convolve(
        conv,
        one.shape[-2],
        one.shape[-1],
        lambda first, last: torch.cat((one[:, :, first:last], other[:, :, first:last]), dim=1),
    )
