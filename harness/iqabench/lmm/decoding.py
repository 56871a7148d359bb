"""Reading a prompt with an image in it, with nothing computed twice and nothing that is not looked at.

The text before the image is the same for every image: its keys and values are computed once. Of all that follows,
only the last position's hidden state is kept; of that, only the logits that are asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from iqabench.compat.libraries import import_library
from iqabench.errors import WeightsError
from iqabench.lmm.numbers import Answer

if TYPE_CHECKING:
    from torch import nn

    from iqabench.lmm.tokens import Tokenizer

TOKENS_AT_ONCE = 16384
"""Images are read together as long as their tokens are no more than these."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the language model reads of images of one size in the place of the image.

    ``embeddings`` are (N, T, D). ``positions``, from 0 at the image's first token, are (T,), or (axes, T) for a
    model whose positions have several axes; None means 0 to T - 1. ``span`` is how far behind the first token the
    text goes on; None means T.
    """

    embeddings: Tensor
    positions: Tensor | None = None
    span: int | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """A causal language model in three parts.

    ``embed`` maps tokens to embeddings; ``body`` is called as transformers' decoders are, with ``inputs_embeds``,
    ``position_ids``, a cache and ``use_cache``, and gives ``last_hidden_state``, normed; ``head`` maps that to
    logits. ``axes`` is how many axes a position has. A body that ``marks_images`` is also given ``image_mask``
    (L,), True where a token is of the image.
    """

    embed: nn.Module
    body: nn.Module
    head: nn.Linear
    axes: int = 1
    marks_images: bool = False

    @classmethod
    def of(cls, network: Any, axes: int = 1) -> Language:
        """That of one of transformers' networks that see and write."""
        body = network.model.language_model
        return cls(body.embed_tokens, body, network.lm_head, axes=axes)


@dataclass(frozen=True, slots=True)
class Read:
    """A prompt that was read: the hidden state (N, D) at its end, what is kept of it, and the next position."""

    hidden: Tensor
    cache: Any
    position: int


class Prompt:
    """A prompt around an image: ``before`` and ``after`` are the tokens of its text.

    Without ``reuse`` the text before the image is read again with every image, as plain code does.
    Raises WeightsError for tokens that the network does not know.
    """

    def __init__(self, language: Language, before: Sequence[int], after: Sequence[int], *, reuse: bool = True) -> None:
        self._language = language
        self._cache_name = _cache_name(language.body)
        self._before = self._embedded(before)
        self._after = self._embedded(after)
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._kept_states = self._before[:, :0]
        if reuse and before:
            places = self._text_positions(0, len(before))
            self._kept_states, cache = self._run(self._before, places, self._new_cache(1), images=(0, 0))
            self._kept = [(layer.keys, layer.values) for layer in cache.layers]

    def read(self, sight: Sight) -> Read:
        """Read the prompt once for each of the images (N, T, D)."""
        states, cache, end = self._read(sight)
        return Read(states[:, -1], cache, end)

    def mean_state(self, sight: Sight) -> Tensor:
        """(N, D) float32: the mean of the last hidden states of all of the prompt, of its text and of its image."""
        states, _, _ = self._read(sight)
        total = self._kept_states.float().sum(dim=1) + states.float().sum(dim=1)
        return total / (self._kept_states.shape[1] + states.shape[1])

    def _read(self, sight: Sight) -> tuple[Tensor, Any, int]:
        """The last hidden states of what was not read before, the cache, and the next position."""
        images, start = len(sight.embeddings), self._before.shape[1]
        length = sight.embeddings.shape[1]
        seen = sight.positions if sight.positions is not None else torch.arange(length)
        resume = start + (length if sight.span is None else sight.span)
        end = resume + self._after.shape[1]
        parts = [sight.embeddings.to(self._after.dtype), self._after.expand(images, -1, -1)]
        places = [self._on_axes(seen.to(self._after.device) + start), self._text_positions(resume, end)]
        first = 0
        if not self._kept:
            parts.insert(0, self._before.expand(images, -1, -1))
            places.insert(0, self._text_positions(0, start))
            first = start
        states, cache = self._run(
            torch.cat(parts, dim=1),
            torch.cat(places, dim=-1),
            self._new_cache(images),
            images=(first, first + length),
        )
        return states, cache, end

    def known(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """``tokens``, if the network knows them all. Raises WeightsError."""
        count = self._language.head.weight.shape[0]
        if max(tokens, default=0) >= count:
            raise WeightsError(
                f"The tokenizer has a token {max(tokens)}, and the network knows those under {count} only.",
                hint="Give the tokenizer that belongs to this very checkpoint.",
            )
        return tuple(tokens)

    def level_logits(self, read: Read, tokens: Sequence[int]) -> Tensor:
        """(N, len(tokens)) float32: the logits of these tokens alone."""
        head = self._language.head
        rows = torch.tensor(tokens, device=head.weight.device)
        bias = None if head.bias is None else head.bias[rows]
        return linear(read.hidden, head.weight[rows], bias).float()

    def write(self, read: Read, *, most: int, ends: Collection[int]) -> list[list[int]]:
        """The likeliest next token, again and again, up to ``most`` of them: the tokens of each answer.

        An answer is over with a token of ``ends``, which is then its last. The cache of ``read`` is used up.
        """
        written: list[list[int]] = [[] for _ in range(len(read.hidden))]
        hidden, position, cache = read.hidden, read.position, read.cache
        for step in range(most):
            tokens = self._language.head(hidden).argmax(dim=-1)
            for answer, token in zip(written, tokens.tolist(), strict=True):
                if not answer or answer[-1] not in ends:
                    answer.append(token)
            if step + 1 == most or all(answer[-1] in ends for answer in written):
                break
            states, cache = self._run(
                self._language.embed(tokens[:, None]),
                self._text_positions(position, position + 1),
                cache,
                images=(0, 0),
            )
            hidden, position = states[:, -1], position + 1
        return written

    def _run(self, embeddings: Tensor, positions: Tensor, cache: Any, *, images: tuple[int, int]) -> tuple[Tensor, Any]:
        """The last hidden states (N, L, D), and the cache with these tokens in it."""
        batch = embeddings.shape[0]
        places = positions[..., None, :].expand(*positions.shape[:-1], batch, -1)
        options: dict[str, Any] = {self._cache_name: cache}
        if self._language.marks_images:
            at = torch.arange(embeddings.shape[1], device=embeddings.device)
            options["image_mask"] = (at >= images[0]) & (at < images[1])
        result = self._language.body(inputs_embeds=embeddings, position_ids=places, use_cache=True, **options)
        return result.last_hidden_state, cache

    def _new_cache(self, images: int) -> Any:
        cache: Any = import_library("transformers").DynamicCache()
        for layer, (keys, values) in enumerate(self._kept):
            cache.update(keys.expand(images, -1, -1, -1), values.expand(images, -1, -1, -1), layer)
        return cache

    def _embedded(self, tokens: Sequence[int]) -> Tensor:
        device = self._language.head.weight.device
        known = torch.tensor([self.known(tokens)], dtype=torch.long, device=device)
        embedded: Tensor = self._language.embed(known)
        return embedded

    def _text_positions(self, start: int, end: int) -> Tensor:
        return self._on_axes(torch.arange(start, end, device=self._language.head.weight.device))

    def _on_axes(self, positions: Tensor) -> Tensor:
        if self._language.axes == 1 or positions.ndim > 1:
            return positions
        return positions.expand(self._language.axes, -1)


def batches(images: int, tokens: int) -> Iterator[slice]:
    """Images of ``tokens`` each, as many at a time as TOKENS_AT_ONCE allows, and at least one."""
    step = max(1, TOKENS_AT_ONCE // max(1, tokens))
    for start in range(0, images, step):
        yield slice(start, min(images, start + step))


def answers(tokenizer: Tokenizer, written: Sequence[Sequence[int]], ends: Collection[int]) -> list[Answer]:
    """What was written, as text, without the token that ends it."""
    return [
        Answer(tokenizer.decode([token for token in tokens if token not in ends]), ended=tokens[-1] in ends)
        for tokens in written
    ]


def _cache_name(body: nn.Module) -> str:
    """transformers names the argument ``past_key_values``, and from 5.24 on ``cache``."""
    forward: Callable[..., Any] = inspect.unwrap(body.forward)
    return "cache" if "cache" in inspect.signature(forward).parameters else "past_key_values"
