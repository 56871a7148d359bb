"""BM3D (Dabov et al., TIP 2007) by its authors' package, in the form of Mäkinen, Azzari and Foi, TIP 2020.

Colour in the opponent space, blocks matched in its luminance. The noise level, where it is not given, is
estimated from the finest diagonal wavelet coefficients (Donoho and Johnstone, Biometrika 1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import bm3d
import numpy as np
import torch
from bm3d.profiles import BM3DProfile, BM3DProfileHigh, BM3DProfileLC
from skimage.restoration import estimate_sigma

from iqabench.ops.arrays import map_images

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

NOISELESS = 1e-3 / 255
PROFILES = {"np": BM3DProfile, "lc": BM3DProfileLC, "high": BM3DProfileHigh}


def load(context: LoadContext) -> Enhancer:
    given = float(context.params["sigma"]) / 255
    profile = PROFILES[str(context.params["profile"])]()
    # With more threads the package sums in any order, and its result changes from call to call.
    profile.num_threads = 1

    def denoise(image: NDArray[np.float64]) -> NDArray[np.float64]:
        if np.ptp(image) == 0:
            return image
        sigma = given or _noise_level(image)
        if not sigma > NOISELESS:  # NaN where the finest detail is all zero
            return image
        in_colour = bm3d.bm3d_rgb if _opponents_vary(image) else bm3d.bm3d
        return np.asarray(in_colour(image, sigma, profile=profile), dtype=np.float64)

    def enhance(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        return map_images(denoise, images, threads=torch.get_num_threads())

    return enhance


def _opponents_vary(image: NDArray[np.float64]) -> bool:
    """Whether no opponent channel is flat, as in grey images: bm3d_rgb would divide by its range."""
    red, green, blue = np.moveaxis(image, -1, 0)
    return bool(min(np.ptp(red - blue), np.ptp(red + blue - 2 * green)) > 1e-6)


def _noise_level(image: NDArray[np.float64]) -> float:
    return float(estimate_sigma(image, channel_axis=-1, average_sigmas=True))  # type: ignore[no-untyped-call]
