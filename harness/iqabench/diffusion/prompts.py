"""Prompts as CLIP's tokens.

CLIP cuts a text into words, numbers and punctuation, in lower case, and each of these into tokens by byte pair
encoding. The tokens of every word in the official prompts of the models here come with the package, so that
they need no vocabulary; for other words it is read from open_clip's package where that is installed, or from
the tokenizer files beside an official checkpoint.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from iqabench.compat.libraries import library_class
from iqabench.errors import PluginError, WeightsError
from iqabench.weights.config import read_json
from iqabench.weights.sources import PackageSource

Encode = Callable[[str], list[int]]
"""A text -> its tokens, without the marks of start and end."""

START, END = 49406, 49407
_MARKS = ("<|startoftext|>", "<|endoftext|>")
LENGTH = 77
MERGES = 48894  # in CLIP's vocabulary: 49408 tokens less 512 bytes and the two marks
_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def tokenise(
    texts: Sequence[str], encode: Encode | None = None, *, length: int = LENGTH, pad: int = 0
) -> tuple[Tensor, Tensor]:
    """Tokens (N, length) as int64, and where each text ends, (N,): between START and END, cut and padded.

    OpenCLIP pads with 0, OpenAI's CLIP with END. Raises PluginError for a word that cannot be encoded here.
    """
    encode = encode or encode_words
    rows = torch.full((len(texts), length), pad, dtype=torch.long)
    ends = torch.empty(len(texts), dtype=torch.long)
    for row, text in enumerate(texts):
        tokens = [START, *encode(text)[: length - 2], END]
        rows[row, : len(tokens)] = torch.tensor(tokens)
        ends[row] = len(tokens) - 1
    return rows, ends


def encode_words(text: str) -> list[int]:
    """The tokens of a text, from the words that are known here, or else by open_clip's vocabulary."""
    known = _known_words()
    words = _WORD.findall(text.lower())
    if all(word in known for word in words):
        return [token for word in words for token in known[word]]
    vocabulary = PackageSource("open-clip-torch", "open_clip/bpe_simple_vocab_16e6.txt.gz").locate()
    if vocabulary is None:
        strange = next(word for word in words if word not in known)
        raise PluginError(
            f"The prompt's word {strange!r} needs CLIP's vocabulary, which is not on this machine.",
            hint="Run: pip install open_clip_torch",
        )
    return _from_merges(vocabulary)(text)


def read_tokenizer(vocabulary: Path, merges: Path) -> Encode:
    """The encoder that an official ``vocab.json`` and ``merges.txt`` describe. Raises WeightsError."""
    tokens = read_json(vocabulary)
    try:
        lines = merges.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{merges} is no list of merges that can be read: {error}.") from error
    pairs = [line for line in lines if line and not line.startswith("#version")]
    if not all(line.count(" ") == 1 for line in pairs):
        raise WeightsError(f"{merges} is no list of merges: its lines are not pairs.")
    made = {pair.replace(" ", "") for pair in pairs}
    unmade = [
        token for token in tokens if len(token.removesuffix("</w>")) > 1 and token not in made and token not in _MARKS
    ]
    if unmade:
        raise WeightsError(f"{merges} lacks the merge that makes {unmade[0]!r} of {vocabulary}.")
    return _encoder(tokens, pairs)


@cache
def _known_words() -> dict[str, list[int]]:
    text = resources.files("iqabench.diffusion").joinpath("clip_words.json").read_text(encoding="utf-8")
    words: dict[str, list[int]] = json.loads(text)
    return words


@cache
def _from_merges(path: Path) -> Encode:
    """CLIP's vocabulary follows from its merges: the bytes, the bytes that end a word, and what was merged."""
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    pairs = lines[1 : MERGES + 1]
    letters = list(_letters())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *(pair.replace(" ", "") for pair in pairs)]
    numbered = {token: number for number, token in enumerate([*tokens, *_MARKS])}
    return _encoder(numbered, pairs)


def _letters() -> list[str]:
    """The characters by which byte pair encoding of GPT-2 and its kin write the 256 bytes, in their order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def _encoder(tokens: dict[str, int], pairs: Sequence[str]) -> Encode:
    merges = [tuple(pair.split(" ")) for pair in pairs]
    tokenizer = library_class("transformers", "CLIPTokenizer")(vocab=tokens, merges=merges)

    def encode(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    return encode
