"""How a batch is gone through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def one_by_one(score: Callable[..., Tensor], *batches: Tensor) -> Tensor:
    """``score`` of each item of the batches: on CPU of one at a time, elsewhere of all at once.

    ``score`` takes as many tensors (N, ...) as ``batches`` and returns (N,). One at a time, no result can
    depend on its neighbours, and what is being worked on stays in the cache, which is quicker, not slower.
    """
    if batches[0].device.type != "cpu":
        return score(*batches)
    return torch.cat([score(*(batch[i : i + 1] for batch in batches)) for i in range(len(batches[0]))])
