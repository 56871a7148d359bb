"""The recipe of weights and images with which reference outputs were recorded from official implementations.

Outputs that were recorded from one implementation hold for another only if both had the very same weights and
images. These come from numpy alone, so that they are the same in every environment. As a ``fill`` of
``iqabench.testing.checkpoints.generate``::

    state = generate(read_manifest(path), seed=0, fill=recorded.fill)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

WAVES = 6


def fill(key: str, shape: Sequence[int], dtype: str = "float32", seed: int = 0) -> NDArray:
    """Values for one entry of a state: normal with variance 1 / fan-in, so that activations stay finite.

    Vectors and scalars lie near 0 if biases and near 1 otherwise; integers and booleans are zero.
    """
    shape = tuple(shape)
    if not dtype.startswith(("float", "bfloat")):
        return np.zeros(shape, dtype)
    draws = _generator(f"{seed}:{key}")
    if key.endswith("running_var"):
        values = np.asarray(draws.uniform(0.5, 1.5, shape))
    elif key.endswith("running_mean"):
        values = 0.1 * draws.standard_normal(shape)
    elif len(shape) <= 1:
        values = (0.0 if key.endswith("bias") else 1.0) + 0.05 * np.asarray(draws.standard_normal(shape))
    else:
        values = draws.standard_normal(shape) / math.sqrt(max(1, math.prod(shape[1:])))
    return np.asarray(values, np.float32)


def image(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: in every channel six plane waves and some noise, stretched to the whole range."""
    draws = _generator(f"{seed}:image:{height}x{width}")
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for _ in range(3):
        plane = np.zeros((height, width))
        for _ in range(WAVES):
            down, along = draws.uniform(0.5, 12), draws.uniform(0.5, 12)
            phase = draws.uniform(0, 2 * np.pi)
            plane += draws.uniform(0.2, 1) * np.sin(2 * np.pi * (down * ys / height + along * xs / width) + phase)
        plane += 0.15 * draws.standard_normal((height, width))
        planes.append((plane - plane.min()) / (plane.max() - plane.min()))
    return np.round(np.stack(planes, axis=-1) * 255).astype(np.uint8)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    """``image`` as models take it: (1, 3, H, W) float32 in [0, 1]."""
    from iqabench.images import to_tensor

    return to_tensor(image(height, width, seed))


def normal(name: str, shape: Sequence[int]) -> Tensor:
    """Normal values of unit variance, (N, ...), as noise was drawn for the recordings, by name."""
    import torch

    return torch.from_numpy(fill(name, shape) * np.float32(math.sqrt(math.prod(shape[1:]))))


def noises(first: int = 0) -> Callable[[Sequence[int]], Tensor]:
    """Called with one shape after another, the draws ``noise.0``, ``noise.1`` and so on."""
    numbers = count(first)
    return lambda shape: normal(f"noise.{next(numbers)}", shape)


def read_outputs(path: Path) -> dict[str, Tensor]:
    """The arrays of an ``.npz`` file, by name."""
    import torch

    with np.load(path) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def _generator(text: str) -> np.random.Generator:
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))
