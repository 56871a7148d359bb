"""SentencePiece models made from a few pieces, for tests of language models without their vocabularies.

A text is cut into the fewest pieces, and of those ways into the one with the lowest numbers, which are the commonest
pieces; so it has the very tokens that a real model gave, if these are its pieces. As in LLaMA's, a text begins with a
space, and what no piece covers is spelt in bytes, tokens 3 to 258.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

BYTES = 256
FIRST_PIECE = 3 + BYTES
NORMAL, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6
MARKS = (("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL))


def write_sentencepiece(path: Path, pieces: Mapping[str, int], size: int = 32000) -> Path:
    """A ``tokenizer.model`` of ``size`` tokens that knows ``pieces``; a space in them is written ``▁``. Gives ``path``.

    The pieces' numbers lie in [259, size); the other tokens are never given.
    """
    rows = [*MARKS, *((f"<0x{value:02X}>", BYTE) for value in range(BYTES))]
    by_number = {number: piece for piece, number in pieces.items()}
    rows += [
        (by_number[number], NORMAL) if number in by_number else (f"<unused {number}>", UNUSED)
        for number in range(FIRST_PIECE, size)
    ]
    model = b"".join(
        _field(1, _field(1, piece.encode()) + _number(2, -1 - number / 1e6) + _number(3, kind))
        for number, (piece, kind) in enumerate(rows)
    )
    trainer = _number(3, 1) + _number(4, size) + _number(35, 1)  # unigram, the size, spell in bytes
    normalizer = _field(1, b"identity") + _number(3, 1) + _number(4, 0) + _number(5, 1)
    path.write_bytes(model + _field(2, trainer) + _field(3, normalizer))
    return path


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes in a protocol buffer."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: float) -> bytes:
    """A field that is a whole number, or a float32."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
