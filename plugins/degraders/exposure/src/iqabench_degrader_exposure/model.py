"""Underexposure: I' = encode(decode(I) 2^-ev + n)^gamma, n ~ N(0, read_noise²), with the sRGB curve.

AU-IQA says that images were darkened and not how. The defaults take away 3 stops (an eighth of the light)
and add nothing else: 3 is the most that SICE's bracketed photographs are underexposed by (Cai et al., TIP
2018, doi:10.1109/TIP.2018.2794218). ``ev=0`` with a gamma of 2 to 5 is the darkening of LLNet (Lore et al.
2017, arXiv:1511.03995), 2 to 3.5 that of MBLLEN (Lv et al., BMVC 2018). Read noise of real cameras spans
about 0.02 to 4 (Brooks et al., CVPR 2019, arXiv:1811.11127, from its fit to sensors).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from iqabench.ops import srgb

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Degrader, LoadContext

LEVELS = 65535


def load(context: LoadContext) -> Degrader:
    exposure = 2 ** -float(context.params["ev"])
    gamma = float(context.params["gamma"])
    read_noise = float(context.params["read_noise"]) / 255

    def darken(images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        light = srgb.decode(images.double()) * exposure
        if read_noise:
            noise = torch.from_numpy(np.stack([_normal(seed, tuple(images.shape[1:])) for seed in seeds]))
            light = light + noise.to(images.device) * read_noise
        dark = srgb.encode(light.clamp(0, 1)) ** gamma
        # Machines differ in the last bits of a power; 16 bits a channel hide them.
        return ((dark * LEVELS).round() / LEVELS).to(images.dtype)

    return darken


def _normal(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).standard_normal(shape)
