"""What a study of n images can show: the smallest difference between two scorers' correlations."""

from __future__ import annotations

import math

from scipy import special

from iqabench.errors import UsageError
from iqabench.stats.significance import two_sided_z


def effective_n(n: int, images_per_content: float, content_icc: float) -> float:
    """How many independent images n clustered ones are worth: n/(1+(m-1)ρ) (Kish 1965)."""
    return n / (1 + (images_per_content - 1) * content_icc)


def smallest_difference(
    r: float, between: float, n: float, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1
) -> float:
    """The smallest gain over a scorer of correlation ``r`` that Steiger's test finds with this power.

    ``between`` is the correlation of the two scorers, ``n`` the number of independent images (see effective_n),
    ``comparisons`` how many differences share ``alpha`` (Bonferroni). With ``power=0.5`` it is the smallest
    difference that is significant when observed. nan where not even a perfect scorer would show.
    """
    if not (-1 < r < 1 and -1 < between < 1 and n > 3 and 0 < alpha < 1 and 0 < power < 1 and comparisons >= 1):
        raise UsageError("power needs |r| < 1, |between| < 1, n > 3, alpha and power within 0..1.")
    wanted = two_sided_z(alpha / comparisons) + float(special.ndtri(power))

    def shortfall(gain: float) -> float:
        return _expected_z(r, r + gain, between, n) - wanted

    # The three correlations must be able to exist together.
    limit = r * between + math.sqrt((1 - r * r) * (1 - between * between)) - r
    most = min(limit, 1 - r) * (1 - 1e-9)
    if most <= 0 or shortfall(most) < 0:
        return math.nan
    low, high = 0.0, most
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if shortfall(middle) < 0 else (low, middle)
    return high


def images_needed(
    r: float, gain: float, between: float, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1
) -> int:
    """How many independent images show that a scorer of ``r + gain`` beats one of ``r``."""
    if gain <= 0 or r + gain >= 1:
        raise UsageError("the gain must be positive and leave the better correlation below 1.")
    wanted = two_sided_z(alpha / comparisons) + float(special.ndtri(power))
    return math.ceil((wanted / _expected_z(r, r + gain, between, 4)) ** 2 + 3)


def _expected_z(low: float, high: float, between: float, n: float) -> float:
    """Steiger's z where the sample shows exactly these correlations; √(n-3) times its value at n=4."""
    mean = (low + high) / 2
    psi = between * (1 - 2 * mean**2) - mean**2 * (1 - 2 * mean**2 - between**2) / 2
    covariance = psi / (1 - mean**2) ** 2
    return (math.atanh(high) - math.atanh(low)) * math.sqrt((n - 3) / (2 - 2 * covariance))
