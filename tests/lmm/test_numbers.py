"""Which answers are a score, and why others are not."""

from __future__ import annotations

import math

import pytest

from iqabench.lmm.numbers import Answer, read_number, scores_of


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("3.46", 3.46),
        (" 3.46\n", 3.46),
        ("_3.5", 3.5),
        ("4", 4),
        ("4.", 4),
        ("**4.5**", 4.5),
        ("The quality of the image is 2.75.", 2.75),
        ("Score: 3", 3),
        ("4.2/5", 4.2),
        ("4 out of 5", 4),
        ("I would rate it 3.5 on a scale of 1 to 5.", 3.5),
        ("On a scale from 1 to 5, with detail in mind: 2.5", 2.5),
        ("Between 1 and 5, a 4.", 4),
        ("3.5 because of 2 blurred faces", 3.5),
        ("3.5 for 2 to 3 reasons", 3.5),
        ("4, and I mean 4", 4),
        ("1", 1),
        ("5.0", 5),
    ],
)
def test_scores(text: str, score: float) -> None:
    assert read_number(Answer(text)) == (score, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no number"),
        ("Excellent", "no number"),
        ("nan", "no number"),
        ("inf", "no number"),
        ("three", "no number"),
        ("3.4.5", "no number"),
        ("3,5", "no number"),
        ("80%", "no number"),
        ("v2", "no number"),
        ("on a scale of 1 to 5", "no number"),
        ("7", "not lie in"),
        ("0.5", "not lie in"),
        ("-3", "not lie in"),
        ("5.01", "not lie in"),
        ("Of the 2 faces one is sharp, so 4", "several numbers"),
        ("Between 3 and 4", "several numbers"),
        ("3 to 4", "several numbers"),
        ("4-5", "several numbers"),
        ("3.5 or 4", "several numbers"),
    ],
)
def test_no_scores(text: str, why: str) -> None:
    score, reason = read_number(Answer(text))
    assert math.isnan(score)
    assert why in reason


@pytest.mark.parametrize("text", ["3", "3.", "3.4", "The score is 3."])
def test_a_number_that_may_go_on_is_none(text: str) -> None:
    score, reason = read_number(Answer(text, ended=False))
    assert math.isnan(score)
    assert "cut off" in reason


def test_an_answer_that_goes_on_in_words_has_said_its_number() -> None:
    assert read_number(Answer("3.4 as the image is", ended=False)) == (3.4, "")


def test_the_range_may_be_another() -> None:
    assert read_number(Answer("80"), low=0, high=100) == (80, "")


def test_a_long_answer_is_shown_in_part() -> None:
    _, reason = read_number(Answer("very " * 100))
    assert len(reason) < 110
    assert "..." in reason


def test_each_answer_of_a_batch_fails_by_itself() -> None:
    scores = scores_of([Answer("3.5"), Answer("good"), Answer("2")])
    assert scores.values.tolist()[::2] == [3.5, 2]
    assert math.isnan(float(scores.values[1]))
    assert scores.reasons == {1: "its answer 'good' holds no number"}
