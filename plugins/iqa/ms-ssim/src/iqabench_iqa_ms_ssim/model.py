"""MS-SSIM (Wang, Simoncelli, Bovik, 2003), eq. 7: contrast-structure of five scales, luminance of the last.

Conventions, after the authors' code: the windows and constants of SSIM; weights 0.0448, 0.2856, 0.3001,
0.2363, 0.1333; means of 2×2 pixels between scales; on luma 0.299 R + 0.587 G + 0.114 B rounded to 8 bits.
An odd side is extended by one row or column of zeros before it is halved, as pytorch-msssim and pyiqa do.

``combine="product"`` is the paper's: powers of the scales' means, multiplied. Where structures are opposed the
terms are negative and have no real power: on luma each window's is then taken as 0, as pyiqa does; on RGB each
mean, as pytorch-msssim and piq do. ``channels="y"`` agrees with pyiqa. ``channels="rgb"``, every channel by
itself and then their mean, agrees with pytorch-msssim and, on even sides, piq. ``combine="sum"`` is the
weighted mean that the authors' code offers beside; the MATLAB values that pyiqa publishes are of that kind.

The last scale must hold one window: the shorter side is at least 161.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma
from iqabench.ops.filters import average_blocks
from iqabench.ops.structure import mean_similarity, sum_and_difference

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def load(context: LoadContext) -> Scorer:
    channels = str(context.params["channels"])
    combine = str(context.params["combine"])
    clamp = channels == "y" and combine == "product"

    def ms_ssim(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        if channels == "y":
            images, references = luma(images, rounded=True), luma(references, rounded=True)
        planes = (x.flatten(0, 1)[:, None] for x in (images, references))
        return one_by_one(of_planes, *planes).view(len(images), -1).mean(1)

    def of_planes(images: Tensor, references: Tensor) -> Tensor:
        total, difference = sum_and_difference(images, references)
        means = []
        for scale in range(len(WEIGHTS)):
            if scale > 0:
                total, difference = _halve(total, outside=-1), _halve(difference, outside=0)
            last = scale == len(WEIGHTS) - 1
            means.append(mean_similarity(total, difference, luminance=last, clamp=clamp)[:, 0])
        weights = torch.tensor(WEIGHTS, device=images.device)[:, None]
        if combine == "sum":
            return (torch.stack(means) * weights).sum(0) / weights.sum()
        return torch.stack(means).clamp_(min=0).pow_(weights).prod(0)

    return ms_ssim


def _halve(plane: Tensor, *, outside: float) -> Tensor:
    """Means of 2×2; ``outside`` is what an image of zeros would be here."""
    h, w = plane.shape[-2:]
    if h % 2 or w % 2:
        plane = F.pad(plane, (w % 2, 0, h % 2, 0), value=outside)
    return average_blocks(plane, 2)
