"""Automatic gamma correction: I^gamma, gamma = log(target) / log(mean luma), the same for R, G and B.

Babakhani and Zarei, "Automatic gamma correction based on average of brightness", Advances in Computer
Science 4(6), 2015: the power that carries the average brightness to the centre of the histogram. With
``statistic="median"`` it is the median of the luma that is carried, which is then met exactly by grey images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iqabench.ops.colour import luma

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

STEP = 1 / 255


def load(context: LoadContext) -> Enhancer:
    median, target = context.params["statistic"] == "median", float(context.params["target"])

    def correct(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        brightness = luma(images.double()).flatten(1)
        level = brightness.median(dim=1).values if median else brightness.mean(dim=1)
        # An all-black or all-white image has no finite gamma.
        gamma = math.log(target) / level.clamp(STEP, 1 - STEP).log()
        return (images.double() ** gamma[:, None, None, None]).to(images.dtype)

    return correct
