"""Tokenizers made from a few pieces of text, for tests of language models without their vocabularies.

A piece is a token; where several begin at one place, the longest is taken. So a text has the very tokens that a
real tokenizer gave, if these are its pieces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_tokenizer(path: Path, pieces: Mapping[str, int], special: Sequence[str] = (), *, prefix: str = "") -> Path:
    """A ``tokenizer.json`` that knows ``pieces`` and, among them, the marks ``special``. Gives ``path``.

    ``prefix`` goes before every text between two marks, as LLaMA's tokenizers put a space there. All printable
    ASCII characters are pieces too: they take the lowest numbers that are free.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    vocabulary = dict(pieces)
    taken = set(vocabulary.values())
    free = (number for number in range(len(taken) + 200) if number not in taken)
    for character in ["\n", *map(chr, range(32, 127))]:
        if character not in vocabulary:
            vocabulary[character] = next(free)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=""))
    plain = sorted((piece for piece in vocabulary if piece not in special), key=len, reverse=True)
    pattern = Regex("|".join(re.escape(piece) for piece in plain))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, behavior="isolated")
    if prefix:
        tokenizer.normalizer = normalizers.Prepend(prefix)
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(special))
    tokenizer.save(str(path))
    return path
