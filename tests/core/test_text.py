"""Counted things, in words."""

from __future__ import annotations

import pytest

from iqabench.text import amount


@pytest.mark.parametrize(("number", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1600, "1600 images")])
def test_a_noun_agrees_with_its_number(number, said):
    assert amount(number, "image") == said


def test_whatever_else_agrees_with_it():
    assert amount(1, "entry was", "entries were") == "1 entry was"
    assert amount(3, "entry was", "entries were") == "3 entries were"
