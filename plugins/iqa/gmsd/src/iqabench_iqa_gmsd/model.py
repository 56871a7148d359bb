"""GMSD (Xue et al., 2014): the standard deviation over the image of the gradient magnitudes' similarity.

Conventions, after the authors' GMSD.m: luma 0.299 R + 0.587 G + 0.114 B rounded to 8 bits, means of 2×2
pixels, Prewitt gradients with zeros outside (eqs. 1 and 2), c = 170 on the 0..255 scale (eq. 4), and the
unbiased deviation (eq. 6). Agrees with pyiqa; and, with ``rounded=False, odd="zeros"``, with piq, which
takes the luma as it is and extends an odd side by a zero, as MATLAB's conv2 does. Lower is better; 0 is equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma
from iqabench.ops.filters import average_blocks, gradient_magnitude, spatial_mean

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

C = 170 / 255**2
PREWITT = (1 / 3, 1 / 3, 1 / 3)


def load(context: LoadContext) -> Scorer:
    rounded = bool(context.params["rounded"])
    odd = str(context.params["odd"])

    def gmsd(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        return one_by_one(of_pairs, images, references)

    def of_pairs(images: Tensor, references: Tensor) -> Tensor:
        both = torch.cat([luma(x, rounded=rounded) for x in (images, references)], dim=1)
        if odd == "zeros":
            h, w = both.shape[-2:]
            both = F.pad(both, (0, w % 2, 0, h % 2))
        gradients = gradient_magnitude(average_blocks(both, 2), PREWITT)
        x, y = gradients[:, :1], gradients[:, 1:]
        # 1 less the similarity, which deviates as much and keeps the digits where images are alike.
        dissimilarity = (x - y).square_().div_(gradients.square().sum(1, keepdim=True).add_(C))
        deviation = dissimilarity - spatial_mean(dissimilarity)[..., None, None]
        pixels = deviation[0].numel()
        return (spatial_mean(deviation.square_())[:, 0] * (pixels / (pixels - 1))).sqrt()

    return gmsd
