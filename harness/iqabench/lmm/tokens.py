"""Text to tokens and back, from the tokenizer file that belongs to a checkpoint. Nothing is downloaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from iqabench.errors import PluginError, WeightsError


class Tokenizer(Protocol):
    """No mark of beginning or end is added. Special tokens are read as such where they stand in a text."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, tokens: Sequence[int]) -> str: ...


def read_tokenizer(path: Path, marks: Mapping[str, int] | None = None) -> Tokenizer:
    """The tokenizer in a ``tokenizer.json`` or a SentencePiece ``tokenizer.model``. Raises WeightsError.

    ``marks`` are special tokens that a SentencePiece model does not know of; a ``tokenizer.json`` has its own.
    """
    try:
        if path.suffix == ".json":
            return _Json(path)
        return SentencePiece(path, marks or {})
    except ModuleNotFoundError as error:
        raise PluginError(f"{error.name} is not installed.", hint=f"Run: pip install {error.name}") from error
    except Exception as error:
        why = " ".join(str(error).split())
        raise WeightsError(f"{path} is no tokenizer that can be read: {why[:160]}") from error


class _Json:
    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Fast

        self._fast: Any = Fast.from_file(str(path))

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._fast.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        text: str = self._fast.decode(list(tokens), skip_special_tokens=True)
        return text


class SentencePiece:
    """SentencePiece's own library on a ``.model`` file, and ``marks``: what is between two is encoded by itself."""

    def __init__(self, path: Path, marks: Mapping[str, int]) -> None:
        from sentencepiece import SentencePieceProcessor

        self.pieces: Any = SentencePieceProcessor()
        self.pieces.LoadFromSerializedProto(path.read_bytes())
        self._marks = dict(marks)
        longest_first = sorted(map(re.escape, marks), key=len, reverse=True)
        self._split = re.compile(f"({'|'.join(longest_first)})") if marks else None

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for part in self._split.split(text) if self._split else [text]:
            if part in self._marks:
                ids.append(self._marks[part])
            elif part:
                ids += self.pieces.EncodeAsIds(part)
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        known = self.pieces.GetPieceSize()
        marks = set(self._marks.values())
        text: str = self.pieces.DecodeIds([token for token in tokens if 0 <= token < known and token not in marks])
        return text


def one_token(tokenizer: Tokenizer, text: str) -> int:
    """The one token that a word, or a mark such as ``<|im_end|>``, is. Raises WeightsError for none or several."""
    tokens = tokenizer.encode(text)
    if len(tokens) != 1:
        raise WeightsError(
            f"To this tokenizer, {text!r} is {len(tokens)} tokens, and has to be one.",
            hint="Give the tokenizer that belongs to this very checkpoint.",
        )
    return tokens[0]
