"""What a scorer makes of many images, alone and in batches of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def scores_in_any_batch(
    scorer: Callable[[Tensor], Tensor], images: Tensor, *, sizes: Sequence[int] = (2, 5, 17), atol: float = 1e-8
) -> Tensor:
    """Scores (N,) of ``images``, one at a time. Raises AssertionError where they differ from those of the same
    images shuffled, in batches of any of ``sizes``."""
    alone = torch.cat([scorer(image[None]) for image in images])
    shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    for size in sizes:
        together = torch.cat([scorer(images[some]) for some in torch.split(shuffled, size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-5, atol=atol)
    return alone
