"""The attention mask of the paper (section 4.2), drawn as the authors' code draws it.

Their code hides tokens in tests as in training: one draw a token and block, 0 with probability 0.75, from
numpy's first generator, block after block and window after window. The same stream from the same seed gives
their very masks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

HIDDEN = 0.75


class TokenMasks:
    """A stream of masks for images with the given seeds, each image having its own."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._streams = [np.random.RandomState(_words(seed)) for seed in seeds]

    def draw(self, windows: int, tokens: int) -> Tensor:
        """(N·windows, tokens, 1) of zeros and ones, the windows of one image after another's."""
        kept = [stream.random_sample((windows, tokens)) >= HIDDEN for stream in self._streams]
        return torch.from_numpy(np.concatenate(kept)[..., None]).float()


def _words(seed: int) -> int | list[int]:
    """A seed that numpy takes: one of 32 bits as it is, a longer one in words of 32 bits."""
    low, high = seed & 0xFFFFFFFF, seed >> 32
    return [low, high] if high else low
