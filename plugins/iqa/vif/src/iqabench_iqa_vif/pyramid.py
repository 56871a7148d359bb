"""The oriented subbands that VIF reads from the steerable pyramid of Simoncelli and Freeman (1995).

Filter taps: ``sp5Filters`` of matlabPyrTools, as in pyrtools, Copyright (c) 2016 LabForComputationalVision,
MIT licence. Of the six orientations VIF uses the first and the fourth, which are each other's transpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

from iqabench.ops.filters import correlate

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 4

# Each filter is symmetric, up and down as left and right: the upper left quarter, centre included.
_LOWPASS_FIRST = (
    (0.00341614, -0.01551246, -0.03848215),
    (-0.01551246, 0.05586982, 0.15925570),
    (-0.03848215, 0.15925570, 0.40304148),
)
_LOWPASS = (
    (0.00170808, -0.00489834, -0.00775624, -0.01888864, -0.01924108),
    (-0.00489834, -0.01046562, -0.01322234, 0.00821200, 0.02005976),
    (-0.00775624, -0.01322234, 0.02793492, 0.06554076, 0.07962786),
    (-0.01888864, 0.00821200, 0.06554076, 0.12852666, 0.16339236),
    (-0.01924108, 0.02005976, 0.07962786, 0.16339236, 0.20193080),
)
# Symmetric up and down, antisymmetric left and right.
_BAND = (
    (0.00277643, -0.00986904, -0.01021852, 0.0),
    (0.00496194, -0.00893064, -0.03075356, 0.0),
    (0.01026699, 0.01189859, -0.08226445, 0.0),
    (0.01455399, 0.02755155, -0.11732297, 0.0),
)


def subbands(images: Tensor) -> Iterator[Tensor]:
    """(N, 1, H, W) -> (N, 2, H/2^k, W/2^k) for k = 0..3, finest first; odd sides are halved upwards."""
    vertical = _whole(_BAND, mirrored=-1)
    bands = torch.stack((vertical, vertical.T))
    lowpass = _filter(images, _whole(_LOWPASS_FIRST)[None])
    for level in range(LEVELS):
        yield _filter(lowpass, bands)
        if level < LEVELS - 1:
            lowpass = _filter(lowpass, _whole(_LOWPASS)[None], stride=2)


def _filter(images: Tensor, kernels: Tensor, *, stride: int = 1) -> Tensor:
    margin = kernels.shape[-1] // 2
    return correlate(F.pad(images, (margin,) * 4, mode="reflect"), kernels, stride=stride)


def _whole(quarter: tuple[tuple[float, ...], ...], *, mirrored: int = 1) -> Tensor:
    upper = torch.tensor(quarter, dtype=torch.float64)
    left = torch.cat((upper, upper[:-1].flip(0)))
    return torch.cat((left, mirrored * left[:, :-1].flip(1)), dim=1)
