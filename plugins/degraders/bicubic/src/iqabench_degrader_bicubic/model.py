"""Bicubic reduction in the convention of MATLAB's imresize: Keys' kernel (1981, a = -1/2), widened.

AU-IQA says bicubic downsampling and not by how much. 4 is the default, as the factor on which
super-resolution for perceived quality is trained and compared (ESRGAN, Real-ESRGAN, DiffBIR, and the
NTIRE challenges' "bicubic x4" track); 2 and 3 are the other usual ones. Summed in float64 in a fixed order,
the result is the same to the last bit on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iqabench.ops.resize import imresize

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Degrader, LoadContext


def load(context: LoadContext) -> Degrader:
    scale = int(context.params["scale"])

    def reduce(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Degrader protocol)
        height, width = images.shape[-2:]
        reduced = imresize(images.double(), size=(height // scale, width // scale))
        return reduced.clamp(0, 1).to(images.dtype)

    return reduce
