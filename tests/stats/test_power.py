"""What n can show."""

from __future__ import annotations

import math

import pytest

from iqabench.errors import UsageError
from iqabench.stats.power import effective_n, images_needed, smallest_difference
from iqabench.stats.significance import steiger


@pytest.mark.parametrize("n", [400, 1600, 4800])
@pytest.mark.parametrize("between", [0.5, 0.8])
def test_the_smallest_significant_difference_is_just_significant(n, between):
    gain = smallest_difference(0.72, between, n, power=0.5)
    assert steiger(0.72 + gain, 0.72, between, n).p == pytest.approx(0.05, abs=1e-6)
    # Two scorers of .72 on 400..4,800 images: between 0.01 and 0.06 (anchors, finding 7).
    assert 0.01 < gain < 0.06


def test_more_power_more_comparisons_and_fewer_images_need_more():
    base = smallest_difference(0.7, 0.8, 1600)
    assert smallest_difference(0.7, 0.8, 1600, power=0.95) > base
    assert smallest_difference(0.7, 0.8, 1600, comparisons=231) > base
    assert smallest_difference(0.7, 0.8, effective_n(1600, 4, 0.5)) > base
    assert effective_n(4800, 12, 0.5) == pytest.approx(4800 / 6.5)


def test_images_needed_is_the_inverse():
    gain = smallest_difference(0.7, 0.8, 1600)
    assert abs(images_needed(0.7, gain, 0.8) - 1600) <= 1


def test_limits():
    assert math.isnan(smallest_difference(0.99, 0.9999, 10))
    with pytest.raises(UsageError):
        smallest_difference(1.0, 0.5, 100)
    with pytest.raises(UsageError):
        images_needed(0.9, 0.2, 0.5)
