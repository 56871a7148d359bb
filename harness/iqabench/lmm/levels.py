"""A score from the probabilities of five words: Wu et al., Q-Align, ICML 2024 (arXiv:2312.17090), section 3.

The model is not asked to write; the logits of the five words at the place of its answer, after a softmax over
these five alone, weigh the grades 5, 4, 3, 2 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from iqabench.errors import WeightsError
from iqabench.lmm.tokens import one_token

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench.lmm.tokens import Tokenizer

LEVELS = ("excellent", "good", "fair", "poor", "bad")
CAPITAL_LEVELS = ("Excellent", "Good", "Fair", "Poor", "Bad")
"""For an answer that begins a line, where the lower-case words are not all one token."""
GRADES = (5.0, 4.0, 3.0, 2.0, 1.0)
UNIT_GRADES = (1.0, 0.75, 0.5, 0.25, 0.0)


def level_tokens(tokenizer: Tokenizer, words: Sequence[str]) -> tuple[int, ...]:
    """The token of each word, written as it stands in the answer (with the space before it, or capitals).

    Raises WeightsError unless every word is one token and no two are the same: the logit of the first of two
    tokens would be that of another word.
    """
    found = tuple(one_token(tokenizer, word) for word in words)
    if len(set(found)) != len(found):
        raise WeightsError(f"To this tokenizer, two of the levels {', '.join(words)} are one token.")
    return found


def expected_grade(logits: Tensor, grades: Sequence[float] = GRADES) -> Tensor:
    """(N, 5) logits of the levels, best first -> (N,) float32: the sum of p_i g_i, with p their softmax."""
    return logits.float().softmax(dim=-1) @ torch.tensor(grades, device=logits.device)
