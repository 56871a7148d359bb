"""The questions that AU-IQA puts to large multimodal models, by group of data (its supplement; arXiv:2508.05016).

The supplement gives the question for levels for the ``ugc`` group alone; the other two are made in its likeness.
"""

from __future__ import annotations

GROUPS = ("ugc", "aigc", "mixed")
"""User-generated, AI-generated, and both."""

_OPENINGS = {
    "ugc": "Please evaluate the overall quality of this user-generated image, considering factors such as noise, "
    "blur, compression artifacts, and color accuracy.",
    "aigc": "Please assess the visual quality of this AI-generated image, considering factors like clarity, visual "
    "coherence, and artistic quality.",
    "mixed": "Please evaluate the visual quality of this image, considering aspects such as clarity, realism, "
    "coherence, and overall aesthetic appeal.",
}
_NUMBERS = {
    "ugc": "Provide a score between 1 and 5, with 1 being poor quality and 5 being excellent quality.",
    "aigc": "Provide a score between 1 and 5, where 1 represents low quality and 5 represents high quality.",
    "mixed": "Provide a score between 1 and 5, where 1 represents poor quality and 5 represents excellent quality.",
}
_LEVELS = (
    "Then give your rating on the visual quality of this image. Your rating should be chosen from the following five "
    "categories: Excellent, Good, Fair, Poor and Bad."
)


def ask_number(group: str) -> str:
    """The question whose answer is a number from 1 to 5."""
    return f"{_OPENINGS[group]} {_NUMBERS[group]}"


def ask_level(group: str) -> str:
    """The question whose answer is one of five levels."""
    return f"{_OPENINGS[group]} {_LEVELS}"
