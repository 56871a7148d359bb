"""Joint under ROC curves of many scorers on the same cases, and their covariance (DeLong et al. 1988).

Placements (how much of the other class each case beats) come from one sort of each class, after Sun and Xu
(2014), so millions of cases are fine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.stats.estimate import TestResult
from iqabench.stats.pairs import Floats

Values = NDArray[np.float32] | NDArray[np.float64]


def placements(values: Values, other: Values) -> Floats:
    """For each of ``values`` (p,) the share of ``other`` (q,) below it, ties counting half."""
    ordered = np.sort(other)
    order = np.argsort(values)
    ascending = values[order]
    # Searching in ascending order walks through memory once.
    beaten = np.searchsorted(ordered, ascending, side="left") + np.searchsorted(ordered, ascending, side="right")
    shares = np.empty(values.size)
    shares[order] = beaten / (2 * ordered.size)
    return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """The same figure for several scorers: ``value`` (scorers,) and its ``covariance`` (scorers, scorers)."""

    value: Floats
    covariance: Floats

    def test(self, a: int, b: int) -> TestResult:
        """Do the figures of two scorers differ? z from the covariance, as DeLong et al. (1988)."""
        variance = self.covariance[a, a] + self.covariance[b, b] - 2 * self.covariance[a, b]
        difference = float(self.value[a] - self.value[b])
        if not variance > 1e-18:
            p = 1.0 if difference == 0 else math.nan
            return TestResult(name="z", statistic=math.nan, p=p, reason="the difference does not vary")
        z = difference / math.sqrt(variance)
        return TestResult(name="z", statistic=z, p=math.erfc(abs(z) / math.sqrt(2)))

    def p_values(self) -> Floats:
        """Two-sided p of every difference (scorers, scorers)."""
        size = self.value.size
        p = np.full((size, size), np.nan)
        for a in range(size):
            for b in range(a + 1, size):
                p[a, b] = p[b, a] = self.test(a, b).p
        return p


def delong(positives: Values, negatives: Values) -> Joint:
    """Joint and their covariance. ``positives`` (scorers, p) and ``negatives`` (scorers, q), higher = positive."""
    if positives.ndim != 2 or negatives.ndim != 2 or positives.shape[0] != negatives.shape[0]:
        raise UsageError("positives and negatives must be (scorers, cases) with the same scorers.")
    if min(positives.shape[1], negatives.shape[1]) < 2:
        size = positives.shape[0]
        return Joint(value=np.full(size, np.nan), covariance=np.full((size, size), np.nan))
    of_positives = np.stack([placements(p, q) for p, q in zip(positives, negatives, strict=True)])
    of_negatives = 1 - np.stack([placements(q, p) for p, q in zip(positives, negatives, strict=True)])
    covariance = (
        np.atleast_2d(np.cov(of_positives)) / positives.shape[1]
        + np.atleast_2d(np.cov(of_negatives)) / negatives.shape[1]
    )
    return Joint(value=of_positives.mean(axis=1), covariance=covariance)
