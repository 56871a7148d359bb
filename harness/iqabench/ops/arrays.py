"""Running functions of numpy arrays, as scikit-image has them, over batches of tensors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]


def map_images(function: Callable[[Array], Array], images: Tensor, *, threads: int = 1) -> Tensor:
    """``function`` of each image alone: (N, 3, H, W) in [0, 1] -> the same, clamped, on the same device.

    ``function`` takes and gives float64 (H, W, 3). ``threads`` images are worked on at once; that is worth
    something where the function leaves Python for long.
    """
    arrays = [np.ascontiguousarray(array) for array in images.movedim(1, -1).double().cpu().numpy()]
    if threads > 1 and len(arrays) > 1:
        with ThreadPoolExecutor(min(threads, len(arrays))) as pool:
            results = list(pool.map(function, arrays))
    else:
        results = [function(array) for array in arrays]
    if not results:
        return images.clone()
    stacked = torch.from_numpy(np.stack(results)).movedim(-1, 1)
    return stacked.clamp(0, 1).to(images).contiguous()
