"""Pairs of opposite descriptions, the good one first, as CLIP's tokens.

CLIP cuts text into words first, then each word into tokens, so a prompt's tokens are those of its words, in lower
case. The ids are those of OpenAI's vocabulary (``bpe_simple_vocab_16e6``).
"""

from __future__ import annotations

OFFICIAL = (("Good photo.", "Bad photo."),)
PYIQA = (
    ("Good image", "bad image"),
    ("Sharp image", "blurry image"),
    ("sharp edges", "blurry edges"),
    ("High resolution image", "low resolution image"),
    ("Noise-free image", "noisy image"),
)
PAIRS = {"official": OFFICIAL, "pyiqa": PYIQA}

START, END = 49406, 49407
# fmt: off
TOKENS: dict[str, tuple[int, ...]] = {
    "good": (886,), "bad": (2103,), "photo.": (1125, 269), "image": (2867,), "sharp": (8157,), "blurry": (21977,),
    "edges": (20938,), "high": (1400,), "low": (1042,), "resolution": (9977,), "noise-free": (9307, 268, 1139),
    "noisy": (33495,),
}
# fmt: on


def tokenize(prompt: str) -> list[int]:
    """The token ids of a prompt made of the words of ``TOKENS``, from start to end mark, not padded."""
    return [START, *(token for word in prompt.lower().split() for token in TOKENS[word]), END]
