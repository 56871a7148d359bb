"""What the tests of large multimodal scorers that read levels look at alike.

Outputs of another implementation lie in one ``.npz``: of the cases, ``seeds`` (C,) of the weights, ``sizes`` (C, 3),
each a height, a width and a seed of the image, and ``level_logits`` (C, 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from iqabench.loading import LoadedScorer
from iqabench.testing.recorded import picture

if TYPE_CHECKING:
    from torch import Tensor


def cases(outputs: Mapping[str, Tensor], seed: int) -> Iterator[tuple[int, Tensor]]:
    """The number and the image of each case that was recorded with weights filled by ``seed``."""
    for at, (of, size) in enumerate(zip(outputs["seeds"].tolist(), outputs["sizes"].tolist(), strict=True)):
        if of == seed:
            yield at, picture(*size)


def check_levels(loaded: LoadedScorer, outputs: Mapping[str, Tensor], seed: int, scores: str = "score") -> None:
    """Logits of the levels and score, recorded as ``scores``, of every case of ``seed``."""
    scorer: Any = loaded.model
    some = list(cases(outputs, seed))
    assert some
    for at, image in some:
        with torch.inference_mode():
            logits = scorer.logits(image)
        torch.testing.assert_close(logits[0], outputs["level_logits"][at], rtol=0, atol=1e-4)
        torch.testing.assert_close(loaded(image)[0], outputs[scores][at], rtol=0, atol=1e-5)


def check_batches(loaded: LoadedScorer, images: Tensor) -> None:
    """A score does not depend on what else is in the batch, whether it is read image by image or, as on a GPU, at
    once."""
    scorer: Any = loaded.model
    alone = torch.cat([loaded(image[None]) for image in images])
    assert alone.std() > 1e-3
    shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    for size in (2, 5, len(images)):
        together = torch.cat([loaded(some) for some in torch.split(images[shuffled], size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-5, atol=0)
    with torch.inference_mode():
        logits = scorer.prompt.level_logits(scorer.read(images), scorer.levels)
        torch.testing.assert_close(logits, scorer.logits(images), rtol=0, atol=1e-5)
