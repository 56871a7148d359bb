"""White Gaussian noise, independent in each pixel and channel, added to sRGB values and clipped to [0, 1].

AU-IQA says Gaussian noise and not how much. Denoisers are compared at sigma 15, 25 and 50 on the 0-255 scale
(DnCNN, arXiv:1608.03981; FFDNet, arXiv:1710.04026; SwinIR, arXiv:2108.10257); 25 is the default. One seed
gives one pattern, which sigma only scales. The noise is drawn on the CPU with a counter-based generator, so
device and machine do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Degrader, LoadContext


def load(context: LoadContext) -> Degrader:
    sigma = float(context.params["sigma"]) / 255

    def add_noise(images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        noise = torch.from_numpy(np.stack([_normal(seed, tuple(images.shape[1:])) for seed in seeds]))
        return (images.double() + noise.to(images.device) * sigma).clamp(0, 1).to(images.dtype)

    return add_noise


def _normal(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).standard_normal(shape)
