"""PIQE: how distorted the active 16×16 blocks of an image are.

Venkatanath, Praneeth, Chandrasekhar, Channappayya, Medasani, "Blind image quality evaluation using perception
based features", NCC 2015; in the details as MATLAB's piqe. Grey is scaled so that its maximum is 255, and
rounded. Flat images have no active block and score 100, the worst.

``convention="pyiqa"`` gives the numbers of that toolbox: its grey is not rounded before it is scaled, and
where a side is no multiple of 16 it pads by the remainder and drops the block that is still not whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from iqabench.ops.colour import luma
from iqabench.ops.nss import grey_levels, mscn

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

BLOCK = 16
SEGMENT = 6
ACTIVE_VARIANCE = 0.1
IMPAIRED_DEVIATION = 0.1
PAIR = (7, 8)
SURROUND = tuple(column for column in range(BLOCK) if column not in (7, 9))


def load(context: LoadContext) -> Scorer:
    as_pyiqa = context.params["convention"] == "pyiqa"

    def piqe(images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG001 (the Scorer protocol)
        grey = luma(images) if as_pyiqa else grey_levels(images)
        paddings = (side % BLOCK if as_pyiqa else -side % BLOCK for side in grey.shape[-2:])
        for dim, padding in zip((-2, -1), paddings, strict=True):
            edge = grey.narrow(dim, grey.shape[dim] - padding, padding)
            grey = torch.cat([grey, edge.flip(dim)], dim=dim)
        brightest = grey.amax(dim=(-2, -1), keepdim=True)
        grey = (255 * (grey / brightest)).nan_to_num(nan=0.0).round().double()
        return score_blocks(_blocks(mscn(grey, border="replicate"))).float()

    return piqe


def score_blocks(blocks: Tensor) -> Tensor:
    """(N, blocks, 16, 16) MSCN coefficients -> (N,), nominally in 0..100."""
    variance = blocks.var(dim=(-2, -1))
    active = variance > ACTIVE_VARIANCE
    impaired = has_flat_segment(blocks) & active
    noisy = is_noisy(blocks, variance.sqrt()) & active
    distortion = (1 - variance).where(impaired, 0.0) + variance.where(noisy, 0.0)
    return 100 * (distortion.sum(dim=-1) + 1) / (active.sum(dim=-1) + 1)


def has_flat_segment(blocks: Tensor) -> Tensor:
    """Whether 6 contiguous pixels of one of a block's four edges hardly vary: (..., 16, 16) -> (...)."""
    edges = torch.stack([blocks[..., 0, :], blocks[..., -1, :], blocks[..., 0], blocks[..., -1]], dim=-2)
    segments = edges.unfold(-1, SEGMENT, 1)
    return (segments.std(dim=-1) < IMPAIRED_DEVIATION).flatten(-2).any(dim=-1)


def is_noisy(blocks: Tensor, deviation: Tensor) -> Tensor:
    """Whether a block's two middle columns vary much as all others do: (..., 16, 16), (...) -> (...).

    MATLAB takes the middle columns out one after the other, and so the second time the one beyond.
    """
    centre = blocks[..., PAIR].flatten(-2).std(dim=-1)
    surround = blocks[..., SURROUND].flatten(-2).std(dim=-1)
    ratio = (centre / surround).nan_to_num(nan=0.0)
    beta = (deviation - ratio).abs() / torch.maximum(deviation, ratio)
    return deviation > 2 * beta


def _blocks(images: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, blocks, 16, 16), dropping what is beyond the last whole block."""
    count, _, height, width = images.shape
    down, across = height // BLOCK, width // BLOCK
    whole = images[:, 0, : down * BLOCK, : across * BLOCK]
    return whole.reshape(count, down, BLOCK, across, BLOCK).transpose(2, 3).flatten(1, 2)
