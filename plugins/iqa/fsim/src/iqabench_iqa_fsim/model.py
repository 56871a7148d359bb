"""FSIM and FSIMc (Zhang et al., 2011): similarity of phase congruency, gradients and colour.

Conventions, after the authors' FeatureSIM.m: means of f×f pixels first, f = max(1, round(min(H, W) / 256)),
a half rounded to even; YIQ in 0..255, not rounded; Scharr gradients with zeros outside; T1 = 0.85, T2 = 160,
T3 = T4 = 200, λ = 0.03 (eqs. 4 to 9); pooled by the larger phase congruency (eq. 7). Agrees with pyiqa and
piq, both for FSIMc and (piq) for FSIM. Like them, it takes the absolute value of the colour similarity
before the power λ, where the authors take the real part of a complex power.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma
from iqabench.ops.filters import average_blocks, gradient_magnitude, spatial_mean
from iqabench_iqa_fsim.phase_congruency import filter_bank, phase_congruency

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

T1, T2, T3, T4, LAMBDA = 0.85, 160.0, 200.0, 200.0, 0.03
SCHARR = (3 / 16, 10 / 16, 3 / 16)
I_WEIGHTS, Q_WEIGHTS = (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)
SIZES_KEPT = 8  # filter banks, of 4 MB at 192×341 (1024×576 in blocks of 3)


def load(context: LoadContext) -> Scorer:
    chromatic = bool(context.params["chromatic"])
    bank_of = lru_cache(maxsize=SIZES_KEPT)(filter_bank)

    def fsim(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        return one_by_one(of_pairs, images, references)

    def of_pairs(images: Tensor, references: Tensor) -> Tensor:
        factor = max(1, round(min(images.shape[-2:]) / 256))
        images, references = (average_blocks(x, factor).mul(255) for x in (images, references))
        x, y = luma(images), luma(references)
        bank = bank_of(*x.shape[-2:], x.device)
        congruency_x, congruency_y = phase_congruency(x, bank), phase_congruency(y, bank)
        similarity = _similarity(congruency_x, congruency_y, T1)
        similarity *= _similarity(gradient_magnitude(x, SCHARR), gradient_magnitude(y, SCHARR), T2)
        if chromatic:
            colour = _similarity(_mix(images, I_WEIGHTS), _mix(references, I_WEIGHTS), T3)
            colour *= _similarity(_mix(images, Q_WEIGHTS), _mix(references, Q_WEIGHTS), T4)
            similarity *= colour.abs_().pow_(LAMBDA)
        weight = torch.maximum(congruency_x, congruency_y)
        return (spatial_mean(similarity.mul_(weight)) / spatial_mean(weight))[:, 0]

    return fsim


def _similarity(x: Tensor, y: Tensor, constant: float) -> Tensor:
    return (x * y).mul_(2).add_(constant).div_(x.square().add_(y.square()).add_(constant))


def _mix(images: Tensor, weights: tuple[float, float, float]) -> Tensor:
    red, green, blue = weights
    return (images[:, 0:1] * red).add_(images[:, 1:2] * green).add_(images[:, 2:3] * blue)
