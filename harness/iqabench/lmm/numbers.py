"""The number in an answer, or the reason why it holds none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from iqabench.types import Scores

_SCALE = re.compile(
    r"(?:\b(?:between|from)\s+)?\b1(?:\.0+)?\s*(?:to|-|–|and)\s*5(?:\.0+)?\b(?!\.\d)"
    r"|(?:/|\bout of)\s*5(?:\.0+)?\b"
)
"""The scale itself, as answers repeat it: "on a scale of 1 to 5", "4.5/5", "4 out of 5"."""
_NUMBER = re.compile(r"(?<![\w.,+-])[+-]?\d+(?:\.\d+)?(?![\w%]|[.,]\d)")
_RANGE = re.compile(r"[+-]?\d+(?:\.\d+)?\s*(?:[-–~]|to\b|or\b)\s*\d")
_OPEN_END = re.compile(r"\d[.,]?\Z")
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote. ``ended`` says that it came to its end, and was not cut off."""

    text: str
    ended: bool = True


def read_number(answer: Answer, low: float = 1, high: float = 5) -> tuple[float, str]:
    """The score that an answer states, and "", or NaN and the reason why there is none.

    An answer states a score if it begins with a number, or holds just one, and that lies in [low, high]. Where it
    repeats the scale ("out of 5") does not count, and a range ("3 to 4") is no number. Nothing is guessed: nor is a
    number that may have been cut off.
    """
    shown = answer.text.strip().replace("\n", " ")
    shown = f"{shown[:SHOWN]}..." if len(shown) > SHOWN else shown
    text = _SCALE.sub(lambda match: " " * len(match[0]), answer.text).strip().lstrip("_*\"'`([: ")
    if not answer.ended and _OPEN_END.search(answer.text):
        return math.nan, f"its answer {shown!r} was cut off within a number; allow it more tokens"
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return math.nan, f"its answer {shown!r} holds no number"
    several = numbers[0].start() > 0 and len({float(number[0]) for number in numbers}) > 1
    if several or _RANGE.match(text, numbers[0].start()):
        return math.nan, f"its answer {shown!r} holds several numbers"
    score = float(numbers[0][0])
    if not low <= score <= high:
        return math.nan, f"its answer {shown!r} does not lie in [{low:g}, {high:g}]"
    return score, ""


def scores_of(answers: Sequence[Answer]) -> Scores:
    """The score of each answer, with the reason for each that is missing."""
    read = [read_number(answer) for answer in answers]
    values = torch.tensor([score for score, _ in read])
    return Scores(values, {place: reason for place, (_, reason) in enumerate(read) if reason})
