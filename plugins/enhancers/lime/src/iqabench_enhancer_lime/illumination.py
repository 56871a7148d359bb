"""The illumination map of LIME: min_T ‖T - T0‖² + alpha Σ_d ‖W_d (∇_d T)² / (|∇_d T0| + ε)‖₁."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter  # type: ignore[attr-defined]
from scipy.sparse import diags_array
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGMA = 2  # of the Gaussian window in pixels
EPSILON = 1e-3


def refine(initial: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """T of T0, both (H, W) in [0, 1], by the paper's sped-up solver: one sparse linear system, solved exactly.

    (I + Σ_d D_dᵀ diag(w_d) D_d) t = t0 with w_d = alpha W_d / (|∇_d T0| + ε), forward differences D_d and
    nothing beyond the borders. Its solution never leaves the range of T0.
    """
    height, width = initial.shape
    across, down = (_stiffness(initial, axis, alpha) for axis in (1, 0))
    # Pixel i is tied to i + 1 and i + width; no tie where a row ends.
    right = np.pad(across, ((0, 0), (0, 1))).ravel()
    below = down.ravel()
    total = np.ones(height * width)
    total[:-1] += right[:-1]
    total[1:] += right[:-1]
    total[:-width] += below
    total[width:] += below
    system = diags_array(  # type: ignore[no-untyped-call]
        [total, -right[:-1], -right[:-1], -below, -below], offsets=[0, 1, -1, width, -width], format="csc"
    )
    # Symmetric and diagonally dominant, so it needs no pivoting and keeps the sparser ordering.
    factors = splu(  # type: ignore[no-untyped-call]
        system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
    )
    return np.asarray(factors.solve(initial.ravel())).reshape(height, width)


def _stiffness(initial: NDArray[np.float64], axis: int, alpha: float) -> NDArray[np.float64]:
    """w_d between neighbours along ``axis``, with the weights of strategy III.

    W_d = Σ G / (|Σ G ∇_d T0| + ε): small where gradients of one sign pile up, which is structure, and large
    where they cancel, which is texture.
    """
    gradient = np.diff(initial, axis=axis)
    weight = 1 / (np.abs(gaussian_filter(gradient, SIGMA, truncate=2.5)) + EPSILON)
    return np.asarray(alpha * weight / (np.abs(gradient) + EPSILON))
