"""How far scores miss the opinions: RMSE, RMSE*, MAE and the outlier ratio, all with resamples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iqabench.stats.bootstrap import Bootstrap, cluster_bootstrap
from iqabench.stats.correlation import mae, outlier_ratio, rmse, rmse_star
from iqabench.stats.estimate import Estimate

Floats = NDArray[np.float64]
ERRORS = ("rmse", "rmse-star", "mae", "outliers")
NEED_SPREAD = ("rmse-star", "outliers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """``predicted`` (n, scorers) on the scale of ``mos`` (n,), nan where there is none; ``margin`` (n,) is the half
    width of each opinion's 95 % interval, where known; ``free`` counts the free parameters of the mapping."""

    predicted: Floats
    mos: Floats
    margin: Floats | None
    free: int

    def estimates(self, metric: str) -> list[Estimate]:
        """One for each scorer."""
        none = np.zeros_like(self.mos)
        margin = none if self.margin is None else self.margin
        compute: dict[str, Callable[[Floats], Estimate]] = {
            "rmse": lambda x: rmse(x, self.mos, free_parameters=self.free),
            "rmse-star": lambda x: rmse_star(x, self.mos, margin, free_parameters=self.free),
            "mae": lambda x: mae(x, self.mos),
            "outliers": lambda x: outlier_ratio(x, self.mos, margin),
        }
        return [compute[metric](column) for column in self.predicted.T]

    def bootstrap(self, metric: str, contents: NDArray, *, resamples: int, seed: int) -> Bootstrap:
        """Of all scorers together, the mapping held fixed.

        All four are means over images, or roots of such: the RMSE of what each image contributes.
        """
        missed = np.abs(self.predicted - self.mos[:, None])
        excess = missed if self.margin is None else np.maximum(0.0, missed - self.margin[:, None])
        squared = metric in ("mae", "outliers")
        parts = {
            "rmse": missed,
            "rmse-star": excess,
            "mae": np.sqrt(missed),
            "outliers": np.where(np.isnan(missed), math.nan, excess > 0),
        }
        boot = cluster_bootstrap(
            "rmse",
            parts[metric],
            np.zeros_like(self.mos),
            contents,
            resamples=resamples,
            seed=seed,
            free_parameters=0 if squared else self.free,
        )
        if not squared:
            return boot
        return replace(
            boot,
            statistic=metric,
            estimate=boot.estimate**2,
            resampled=boot.resampled**2,
            jackknife=boot.jackknife**2,
        )
