"""The two ways from a large multimodal model to a score: the levels' probabilities, and the number it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from iqabench.lmm.decoding import Prompt, Read, answers, batches
from iqabench.lmm.levels import GRADES, expected_grade, level_tokens
from iqabench.lmm.numbers import scores_of
from iqabench.types import ParamValue, Scores

if TYPE_CHECKING:
    from iqabench.lmm.decoding import Sight
    from iqabench.lmm.tokens import Tokenizer


class Vision(Protocol):
    """How a network sees."""

    def __call__(self, images: Tensor) -> Sight:
        """Images (N, 3, H, W) in [0, 1] -> what the language model reads of them."""

    def tokens(self, height: int, width: int) -> int:
        """How many tokens an image of this size is read as."""


class Reader(nn.Module):
    """A network, how it sees images, and the prompt around them."""

    def __init__(self, network: nn.Module, see: Vision, prompt: Prompt) -> None:
        super().__init__()
        self.network = network
        self.see = see
        self.prompt = prompt

    def pieces(self, images: Tensor) -> list[Tensor]:
        """The images, as many at a time as are read together: on a CPU one, where more gains nothing."""
        if images.device.type == "cpu":
            return [image[None] for image in images]
        return [images[piece] for piece in batches(len(images), self.see.tokens(*images.shape[-2:]))]

    def read(self, images: Tensor) -> Read:
        return self.prompt.read(self.see(images))


class LevelScorer(Reader):
    """(N, 3, H, W) in [0, 1] -> (N,): the expected grade of the five ``levels``, tokens, best first."""

    def __init__(
        self,
        network: nn.Module,
        see: Vision,
        prompt: Prompt,
        *,
        levels: Sequence[int],
        grades: Sequence[float] = GRADES,
    ) -> None:
        super().__init__(network, see, prompt)
        self.levels = prompt.known(levels)
        self.grades = tuple(grades)

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        return expected_grade(self.logits(images), self.grades)

    def logits(self, images: Tensor) -> Tensor:
        """(N, 5): the logits of the levels at the place of the answer."""
        found = [self.prompt.level_logits(self.read(some), self.levels) for some in self.pieces(images)]
        return torch.cat(found) if found else images.new_empty(0, len(self.levels))


class NumberScorer(Reader):
    """(N, 3, H, W) in [0, 1] -> Scores (N,): the number that the model writes, in [1, 5].

    It writes the likeliest tokens until one of ``ends``, and ``most`` at most.
    """

    def __init__(
        self,
        network: nn.Module,
        see: Vision,
        prompt: Prompt,
        *,
        tokenizer: Tokenizer,
        ends: Collection[int],
        most: int,
    ) -> None:
        super().__init__(network, see, prompt)
        self.tokenizer = tokenizer
        self.ends = frozenset(ends)
        self.most = most

    def forward(self, images: Tensor, references: Tensor | None = None) -> Scores:  # noqa: ARG002 (the Scorer protocol)
        written = [tokens for some in self.pieces(images) for tokens in self.write(some)]
        scores = scores_of(answers(self.tokenizer, written, self.ends))
        return Scores(scores.values.to(images.device), scores.reasons)

    def write(self, images: Tensor) -> list[list[int]]:
        """The tokens of each answer."""
        return self.prompt.write(self.read(images), most=self.most, ends=self.ends)


def scorer_of(
    params: Mapping[str, ParamValue],
    network: nn.Module,
    see: Vision,
    prompt: Prompt,
    tokenizer: Tokenizer,
    *,
    words: Sequence[str],
    ends: Collection[int],
) -> LevelScorer | NumberScorer:
    """A scorer that reads the answer as the parameter READING says: as one of the levels ``words``, best first, or as
    the number that is written until one of ``ends``."""
    if params["answer"] == "levels":
        levels = level_tokens(tokenizer, words)
        return LevelScorer(network, see, prompt, levels=levels).eval()
    most = int(params["answer_tokens"])
    return NumberScorer(network, see, prompt, tokenizer=tokenizer, ends=ends, most=most).eval()
