"""Statistics of image quality assessment, usable alone: numpy and scipy, imported at first use.

>>> from iqabench.stats import srcc
>>> round(srcc([1, 2, 3, 4], [1.2, 1.9, 3.5, 3.4]).value, 3)
0.8
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqabench.stats.bootstrap import Bootstrap, bootstrap_means, cluster_bootstrap
    from iqabench.stats.correlation import krcc, mae, outlier_ratio, plcc, rmse, rmse_star, srcc
    from iqabench.stats.estimate import Estimate, Interval, TestResult
    from iqabench.stats.intervals import bonett_wright, fisher
    from iqabench.stats.krasula import Krasula, krasula_analysis
    from iqabench.stats.mapping import MAPPINGS, Fit, fit, mapped_plcc
    from iqabench.stats.matrix import Cell, Matrix, Opinions, correlate
    from iqabench.stats.ranking import compact_letters, mean_correlation, rank_intervals, within_content
    from iqabench.stats.reliability import icc, inter_rater_plcc, krippendorff_alpha, noise_ceiling, spearman_brown
    from iqabench.stats.screening import bt500
    from iqabench.stats.significance import holm, morgan_pitman, steiger, williams, zou
    from iqabench.stats.subjects import p910_model, p913_model, small_panel_model
    from iqabench.stats.votes import plain_mos

_HOME = {
    "bootstrap": ("Bootstrap", "bootstrap_means", "cluster_bootstrap"),
    "correlation": ("krcc", "mae", "outlier_ratio", "plcc", "rmse", "rmse_star", "srcc"),
    "estimate": ("Estimate", "Interval", "TestResult"),
    "intervals": ("bonett_wright", "fisher"),
    "krasula": ("Krasula", "krasula_analysis"),
    "mapping": ("MAPPINGS", "Fit", "fit", "mapped_plcc"),
    "matrix": ("Cell", "Matrix", "Opinions", "correlate"),
    "ranking": ("compact_letters", "mean_correlation", "rank_intervals", "within_content"),
    "reliability": ("icc", "inter_rater_plcc", "krippendorff_alpha", "noise_ceiling", "spearman_brown"),
    "screening": ("bt500",),
    "significance": ("holm", "morgan_pitman", "steiger", "williams", "zou"),
    "subjects": ("p910_model", "p913_model", "small_panel_model"),
    "votes": ("plain_mos",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "MAPPINGS",
    "Bootstrap",
    "Cell",
    "Estimate",
    "Fit",
    "Interval",
    "Krasula",
    "Matrix",
    "Opinions",
    "TestResult",
    "bonett_wright",
    "bootstrap_means",
    "bt500",
    "cluster_bootstrap",
    "compact_letters",
    "correlate",
    "fisher",
    "fit",
    "holm",
    "icc",
    "inter_rater_plcc",
    "krasula_analysis",
    "krcc",
    "krippendorff_alpha",
    "mae",
    "mapped_plcc",
    "mean_correlation",
    "morgan_pitman",
    "noise_ceiling",
    "outlier_ratio",
    "p910_model",
    "p913_model",
    "plain_mos",
    "plcc",
    "rank_intervals",
    "rmse",
    "rmse_star",
    "small_panel_model",
    "spearman_brown",
    "srcc",
    "steiger",
    "williams",
    "within_content",
    "zou",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'iqabench.stats' has no attribute {name!r}")
    return getattr(import_module(f"iqabench.stats.{_MODULE[name]}"), name)
