"""CLAHE (Zuiderveld, Graphics Gems IV, 1994) of CIELAB lightness, a* and b* kept: scikit-image's.

scikit-image first stretches the lightness to its full range, which is what brightens an evenly dark photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from skimage.color import lab2rgb, rgb2lab
from skimage.exposure import equalize_adapthist

from iqabench.ops.arrays import map_images

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

WHITE = 100  # L* of white


def load(context: LoadContext) -> Enhancer:
    clip_limit, tiles = float(context.params["clip_limit"]), int(context.params["tiles"])

    def equalise(image: NDArray[np.float64]) -> NDArray[np.float64]:
        lab = rgb2lab(image)
        lightness = lab[..., 0] / WHITE
        if np.ptp(lightness) == 0:  # nothing to stretch: scikit-image would divide by zero
            return image
        tile = [max(side // tiles, 1) for side in lightness.shape]
        lab[..., 0] = equalize_adapthist(lightness, kernel_size=tile, clip_limit=clip_limit) * WHITE
        return np.asarray(lab2rgb(lab), dtype=np.float64)

    def enhance(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        return map_images(equalise, images)

    return enhance
