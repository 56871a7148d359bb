"""Non-local means (Buades, Coll and Morel, CVPR 2005), scikit-image's, colour patches compared as a whole.

The sped-up form (Darbon et al., ISBI 2008), with the expected distance of two noisy patches subtracted and
h = 0.6 sigma, patch sizes as in scikit-image's example for it. The noise level is estimated from the finest
diagonal wavelet coefficients (Donoho and Johnstone, Biometrika 1994) of each channel, and averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from skimage.restoration import denoise_nl_means, estimate_sigma

from iqabench.ops.arrays import map_images

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

NOISELESS = 1e-3 / 255


def load(context: LoadContext) -> Enhancer:
    params = context.params
    given, strength = float(params["sigma"]) / 255, float(params["strength"])
    patch_size, patch_distance = int(params["patch_size"]), int(params["patch_distance"])

    def denoise(image: NDArray[np.float64]) -> NDArray[np.float64]:
        if np.ptp(image) == 0:
            return image
        sigma = given or _noise_level(image)
        if not sigma > NOISELESS:  # NaN where the finest detail is all zero
            return image
        denoised = denoise_nl_means(
            image,
            patch_size=patch_size,
            patch_distance=patch_distance,
            h=strength * sigma,
            sigma=sigma,
            fast_mode=True,
            channel_axis=-1,
        )
        return np.asarray(denoised, dtype=np.float64)

    def enhance(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        return map_images(denoise, images)

    return enhance


def _noise_level(image: NDArray[np.float64]) -> float:
    return float(estimate_sigma(image, channel_axis=-1, average_sigmas=True))  # type: ignore[no-untyped-call]
