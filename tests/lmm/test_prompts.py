"""The questions, letter by letter as AU-IQA's supplement gives them."""

from iqabench.lmm.prompts import GROUPS, ask_level, ask_number

NUMBERS = {
    "ugc": "Please evaluate the overall quality of this user-generated image, considering factors such as noise, blur, "
    "compression artifacts, and color accuracy. Provide a score between 1 and 5, with 1 being poor quality and 5 being "
    "excellent quality.",
    "aigc": "Please assess the visual quality of this AI-generated image, considering factors like clarity, visual "
    "coherence, and artistic quality. Provide a score between 1 and 5, where 1 represents low quality and 5 represents "
    "high quality.",
    "mixed": "Please evaluate the visual quality of this image, considering aspects such as clarity, realism, "
    "coherence, and overall aesthetic appeal. Provide a score between 1 and 5, where 1 represents poor quality and 5 "
    "represents excellent quality.",
}
LEVEL = (
    "Then give your rating on the visual quality of this image. Your rating should be chosen from the following five "
    "categories: Excellent, Good, Fair, Poor and Bad."
)


def test_for_a_number() -> None:
    assert {group: ask_number(group) for group in GROUPS} == NUMBERS


def test_for_a_level_the_last_sentence_is_another() -> None:
    for group in GROUPS:
        assert ask_level(group) == f"{NUMBERS[group].partition(' Provide')[0]} {LEVEL}"
