"""Windows, separable filters, gradients and block averages, as the classical metrics use them.

A convolution of one channel is slow in every library, because their kernels compute many channels at once.
On CPUs in float32, planes are therefore re-read, without moving them, as images of many channels: along the
height each column is a channel; along the width, blocks of 16 neighbours are. That is some thirty times
faster. Elsewhere sums of shifted planes, or float64 convolutions, are used: cuDNN rounds float32 to TF32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 16  # floats in an AVX-512 register, and the channels that oneDNN computes at once


def gaussian_window(
    size: int, sigma: float, *, dtype: torch.dtype = torch.float64, device: torch.device | None = None
) -> Tensor:
    """(size,) samples of exp(-x² / 2σ²), centred, with sum 1: one axis of MATLAB's ``fspecial('gaussian')``."""
    x = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    window = torch.exp(-(x**2) / (2 * sigma**2))
    return (window / window.sum()).to(device=device, dtype=dtype)


def separable_filter(images: Tensor, window: Tensor, *, padding: str) -> Tensor:
    """(N, C, H, W) correlated with the outer product of the 1-D ``window`` with itself.

    ``padding`` is ``"valid"``, which gives (N, C, H - size + 1, W - size + 1), or the border ``"zeros"``,
    ``"replicate"`` or ``"reflect"`` (without the edge pixel twice), which keep the size.
    """
    if padding != "valid":
        before, after = (window.numel() - 1) // 2, window.numel() // 2
        mode = "constant" if padding == "zeros" else padding
        images = F.pad(images, (before, after, before, after), mode=mode)
    return filter_rows(filter_columns(images, window), window)


def filter_columns(images: Tensor, window: Tensor, *, stride: int = 1) -> Tensor:
    """(N, C, H, W) -> (N, C, (H - size) // stride + 1, W): ``window`` slid down the height."""
    n, c, h, w = images.shape
    size = window.numel()
    window = window.to(images)
    if not _is_fast(images):
        height = h - size + 1
        return _weighted_sum([images[..., i : i + height : stride, :] for i in range(size)], window)
    columns = images.reshape(n * c, h, 1, w).permute(0, 3, 1, 2)
    kernel = window.view(1, 1, size, 1).expand(w, 1, size, 1)
    filtered = F.conv2d(columns, kernel, stride=(stride, 1), groups=w)
    return filtered.permute(0, 2, 3, 1).reshape(n, c, -1, w)


def filter_rows(images: Tensor, window: Tensor, *, stride: int = 1) -> Tensor:
    """(N, C, H, W) -> (N, C, H, (W - size) // stride + 1): ``window`` slid along the width."""
    n, c, h, w = images.shape
    size = window.numel()
    window = window.to(images)
    if not _is_fast(images):
        width = w - size + 1
        return _weighted_sum([images[..., i : i + width : stride] for i in range(size)], window)
    planes = images.reshape(n * c, h, w)
    return _correlate_blocks(planes, window.view(1, 1, size), (1, stride)).view(n, c, h, -1)


def correlate(images: Tensor, kernels: Tensor, *, stride: int = 1) -> Tensor:
    """(N, 1, H, W) with (K, h, w) kernels -> (N, K, (H - h) // stride + 1, (W - w) // stride + 1), ``valid``."""
    if _is_fast(images):
        return _correlate_blocks(images[:, 0], kernels.to(images), (stride, stride))
    return F.conv2d(images.double(), kernels.to(images.device).double()[:, None], stride=stride).to(images.dtype)


def gradient_magnitude(images: Tensor, smoothing: tuple[float, float, float]) -> Tensor:
    """(N, C, H, W) -> (N, C, H, W): √(gx² + gy²), with zeros outside the image.

    Each gradient is the difference of the pixels on both sides, smoothed across by three weights: thirds are
    Prewitt's operator, (3, 10, 3) / 16 is Scharr's.
    """
    padded = F.pad(images, (1, 1, 1, 1))
    side, middle, _ = smoothing
    across = (padded[..., :-2, :] + padded[..., 2:, :]).mul_(side).add_(padded[..., 1:-1, :], alpha=middle)
    along = (padded[..., :-2] + padded[..., 2:]).mul_(side).add_(padded[..., 1:-1], alpha=middle)
    gx = across[..., 2:] - across[..., :-2]
    gy = along[..., 2:, :] - along[..., :-2, :]
    return gx.square_().add_(gy.square_()).sqrt_()


def average_blocks(images: Tensor, factor: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H // factor, W // factor): means of blocks; rows and columns left over are dropped."""
    if factor == 1:
        return images
    h, w = (side // factor * factor for side in images.shape[-2:])
    rows = images[..., 0:h:factor, :w] + images[..., 1:h:factor, :w]
    for i in range(2, factor):
        rows += images[..., i:h:factor, :w]
    blocks = rows[..., 0::factor] + rows[..., 1::factor]
    for i in range(2, factor):
        blocks += rows[..., i::factor]
    return blocks.div_(factor**2)


def spatial_mean(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C), row by row: a mean over both sides at once would be summed in another order in
    another batch, on several threads."""
    return maps.mean(-1).mean(-1)


def _is_fast(images: Tensor) -> bool:
    return images.device.type == "cpu" and images.dtype == torch.float32


def _weighted_sum(shifted: list[Tensor], window: Tensor) -> Tensor:
    weights: list[float] = window.tolist()
    total = shifted[0] * weights[0]
    for plane, weight in zip(shifted[1:], weights[1:], strict=True):
        total.add_(plane, alpha=weight)
    return total


def _correlate_blocks(planes: Tensor, kernels: Tensor, stride: tuple[int, int]) -> Tensor:
    """(P, H, W) with (K, h, w) kernels -> (P, K, H', W'), as a convolution over blocks of neighbours in a row.

    A block holds 16 outputs, hence 16·stride inputs, as channels. The 1-D correlation along the row becomes a
    banded matrix from the channels of one block and the next ones to the channels of one block of outputs.
    """
    p, h, w = planes.shape
    k, kh, kw = kernels.shape
    down, along = stride
    width = (w - kw) // along + 1
    block = BLOCK * along
    reach = -(-((BLOCK - 1) * along + kw) // block)  # blocks that one block of outputs reads
    blocks = -(-width // BLOCK) + reach - 1
    planes = F.pad(planes, (0, blocks * block - w)) if blocks * block != w else planes
    channels = planes.reshape(p, h, blocks, block).permute(0, 3, 1, 2)

    banded = kernels.new_zeros(k, BLOCK, kh, reach * block)
    for i in range(BLOCK):
        banded[:, i, :, i * along : i * along + kw] = kernels
    weight = banded.view(k * BLOCK, kh, reach, block).permute(0, 3, 1, 2)
    out = F.conv2d(channels, weight.contiguous(memory_format=torch.channels_last), stride=(down, 1))
    rows = out.shape[2]
    out = out.permute(0, 2, 3, 1).reshape(p, rows, -1, k, BLOCK).permute(0, 3, 1, 2, 4)
    return out.reshape(p, k, rows, -1)[..., :width]
