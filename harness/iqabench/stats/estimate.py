"""What a statistic returns: a number that is never without its n, and never a silent zero."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One statistic.

    ``value`` is nan where the statistic does not exist, and then ``reason`` says why. ``n`` items were used of
    ``total``. ``note`` is a remark on a value that does exist.
    """

    value: float
    n: int
    total: int
    reason: str = ""
    note: str = ""

    def __float__(self) -> float:
        return self.value

    @property
    def exists(self) -> bool:
        return not math.isnan(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval; both ends are nan where there is none, and then ``reason`` says why."""

    low: float
    high: float
    level: float
    method: str
    reason: str = ""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """A significance test. ``p`` is two-sided; ``df`` is nan for a normal statistic."""

    __test__ = False  # pytest: not a test class

    name: str
    statistic: float
    p: float
    df: float = math.nan
    reason: str = ""


def missing_interval(level: float, method: str, reason: str) -> Interval:
    return Interval(low=math.nan, high=math.nan, level=level, method=method, reason=reason)
