"""LIME (Guo, Li and Ling, "LIME: Low-light image enhancement via illumination map estimation", TIP 2017).

T0 = max over R, G and B, refined to T (``illumination``), and the image divided by T^gamma. The paper
lets a denoiser follow and blends by illumination, R_f = R T + R_d (1 - T), with BM3D on the luma;
here that is off unless ``denoise`` is given, so that the benchmark can set its own denoiser after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from iqabench import IqabenchError
from iqabench.ops.arrays import map_images
from iqabench_enhancer_lime.illumination import EPSILON, refine

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

    Array = NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])


def load(context: LoadContext) -> Enhancer:
    alpha, gamma = float(context.params["alpha"]), float(context.params["gamma"])
    sigma = float(context.params["denoise"]) / 255
    denoise = _luma_denoiser(sigma) if sigma else None

    def brighten(image: Array) -> Array:
        illumination = np.clip(refine(image.max(axis=-1), alpha), EPSILON, 1)[..., None] ** gamma
        bright = np.clip(image / illumination, 0, 1)
        if denoise is None:
            return bright
        return bright * illumination + denoise(bright) * (1 - illumination)

    def enhance(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        return map_images(brighten, images)

    return enhance


def _luma_denoiser(sigma: float) -> Callable[[Array], Array]:
    """BM3D of the luma, the colour differences kept. Raises IqabenchError where bm3d is not installed."""
    try:
        import bm3d
        from bm3d.profiles import BM3DProfile
    except ImportError as error:
        raise IqabenchError(
            "lle.lime[denoise=...] needs the package bm3d.", hint="pip install 'iqabench-enhancer-lime[denoise]'"
        ) from error
    profile = BM3DProfile()
    profile.num_threads = 1  # or its last bits change from call to call

    def denoise(image: Array) -> Array:
        luma = image @ LUMA
        clean = np.asarray(bm3d.bm3d(luma, sigma, profile=profile)).reshape(luma.shape)
        return np.asarray(np.clip(image + (clean - luma)[..., None], 0, 1))

    return denoise
