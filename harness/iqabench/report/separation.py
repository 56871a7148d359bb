"""Krasula's analysis as figures: does a scorer tell pairs that differ for people, and which one is better?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.stats.auc import Joint
from iqabench.stats.estimate import Estimate
from iqabench.stats.krasula import Krasula, krasula_analysis

Floats = NDArray[np.float64]
SEPARATION = ("auc-ds", "auc-bw", "c0")


class Separation:
    """The analysis of one group of images, made once for its three figures.

    ``scores`` (n, scorers) and ``mos`` (n,) are oriented; ``sd`` and ``raters`` (n,) describe the votes. It takes the
    images that every scorer managed, leaving out scorers that managed none.
    """

    def __init__(self, scores: Floats, mos: Floats, sd: Floats, raters: Floats, contents: NDArray | None) -> None:
        self.total, self.scorers = scores.shape
        self.kept = np.flatnonzero(np.isfinite(scores).any(axis=0))
        judged = np.isfinite(sd) & np.isfinite(raters) & (raters > 0)
        rows = np.isfinite(scores[:, self.kept]).all(axis=1) & judged
        self.n = int(rows.sum())
        self.reason = ""
        self._found: Krasula | None = None
        try:
            if self.n < 3 or not self.kept.size:
                raise UsageError(f"n={self.n}: at least 3 images that all scorers managed are needed")
            self._found = krasula_analysis(
                scores[np.ix_(rows, self.kept)],
                mos[rows],
                sd[rows],
                raters[rows],
                contents=None if contents is None else contents[rows],
            )
        except UsageError as error:
            self.reason = error.message.rstrip(".")

    def estimates(self, metric: str) -> list[Estimate]:
        """One for each scorer."""
        missing = Estimate(value=math.nan, n=0, total=self.total, reason=self.reason or "no score")
        found = [missing] * self.scorers
        joint = self.joint(metric)
        if joint is not None and self._found is not None:
            note = f"{self._found.different} of {self._found.pairs} pairs differ for people"
            for scorer in self.kept:
                found[scorer] = Estimate(value=float(joint.value[scorer]), n=self.n, total=self.total, note=note)
        return found

    def joint(self, metric: str) -> Joint | None:
        """The figure of all scorers (scorers,) with its covariance between whole source photos; nan where none."""
        if self._found is None:
            return None
        part = {"auc-ds": self._found.ds, "auc-bw": self._found.bw, "c0": self._found.c0}[metric]
        value = np.full(self.scorers, math.nan)
        covariance = np.full((self.scorers, self.scorers), math.nan)
        value[self.kept] = part.value
        covariance[np.ix_(self.kept, self.kept)] = part.covariance
        return Joint(value=value, covariance=covariance)
