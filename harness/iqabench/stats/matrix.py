"""Every scorer on every subset: the matrix of figures that tables and the report print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iqabench.errors import UsageError
from iqabench.stats.bootstrap import Bootstrap, Method, bootstrap_means, cluster_bootstrap
from iqabench.stats.correlation import krcc_of, plcc_of, srcc_of
from iqabench.stats.estimate import Estimate, Interval
from iqabench.stats.mapping import Fit, MappingName, fits_of, mapped_plcc_of, mapped_rmse_of
from iqabench.stats.pairs import Floats, as_vector, pair
from iqabench.stats.ranking import WithinContent, within_content
from iqabench.stats.resampling import Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """PLCC, RMSE and RMSE* after one mapping. RMSE* is None where the opinions came without their spread."""

    fit: Fit | None
    plcc: Estimate
    rmse: Estimate
    rmse_star: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One scorer on one subset: raw figures, and the mapped ones by mapping."""

    scorer: str
    subset: str
    plcc: Estimate
    srcc: Estimate
    krcc: Estimate
    mapped: Mapping[MappingName, Mapped] = field(default_factory=dict)
    within: WithinContent | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """What people said: ``mos`` (n,), its direction, the half width ``ci95`` (n,) of each one's 95 % interval
    where known, and the source ``contents`` (n,), where images share them."""

    mos: ArrayLike
    higher_is_better: bool = True
    ci95: ArrayLike | None = None
    contents: Sequence[object] | NDArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """``cells`` by (scorer, subset), and the paired resamples by (statistic, subset), scorers in order."""

    scorers: tuple[str, ...]
    subsets: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    resamples: Mapping[tuple[str, str], Bootstrap]


ALL = "all"


def correlate(
    scores: Mapping[str, ArrayLike],
    opinions: Opinions,
    *,
    higher_is_better: Mapping[str, bool] | None = None,
    subsets: Mapping[str, NDArray[np.bool_]] | None = None,
    mappings: Sequence[MappingName] = ("logistic4", "logistic5", "cubic"),
    bootstrapped: Sequence[Statistic] = (),
    resamples: int = 10_000,
    seed: int = 0,
    method: Method = "bca",
    level: float = 0.95,
) -> Matrix:
    """All figures of all scorers on all subsets.

    ``scores`` maps a scorer to its (n,) scores; nan marks an image it failed on, which stays in the total.
    ``higher_is_better`` names the direction of scorers that are not higher-is-better. ``subsets`` maps a name
    to a mask (n,); default: all images under "all". ``bootstrapped`` names the statistics that get intervals,
    over ``opinions.contents`` or, without them, over images. "rmse" is bootstrapped on the first mapping's
    predictions, held fixed.
    """
    study = _Study.of(scores, opinions, higher_is_better or {})
    masks = {ALL: np.ones(study.mos.size, dtype=bool)} if subsets is None else subsets
    cells: dict[tuple[str, str], Cell] = {}
    resampled: dict[tuple[str, str], Bootstrap] = {}
    for subset, mask in masks.items():
        if np.shape(mask) != study.mos.shape:
            raise UsageError(f"subset {subset!r} has {np.size(mask)} marks for {study.mos.size} images.")
        part = study.part(np.flatnonzero(mask))
        row = [_cell(name, subset, part, mappings) for name in scores]
        boots = part.bootstraps(row, bootstrapped, resamples, seed)
        for index, cell in enumerate(row):
            intervals = {name: boot.interval(index, level=level, method=method) for name, boot in boots.items()}
            cells[cell.scorer, subset] = replace(cell, intervals=intervals)
        resampled.update({(name, subset): boot for name, boot in boots.items()})
    return Matrix(scorers=tuple(scores), subsets=tuple(masks), cells=cells, resamples=resampled)


@dataclass(frozen=True, slots=True)
class _Study:
    """Everything oriented: ``scores`` (n,) by scorer, ``mos`` (n,), and contents as codes (n,) or None."""

    scores: Mapping[str, NDArray]
    mos: Floats
    ci95: Floats | None
    contents: NDArray[np.intp] | None

    @classmethod
    def of(cls, scores: Mapping[str, ArrayLike], opinions: Opinions, directions: Mapping[str, bool]) -> _Study:
        mos = as_vector(opinions.mos, "mos")
        for name in directions:
            if name not in scores:
                raise UsageError(f"the direction of {name!r} is given, but not its scores.")
        # The dtype is kept: it tells how close near-ties are.
        oriented = {
            name: np.asarray(values) * (1 if directions.get(name, True) else -1) for name, values in scores.items()
        }
        ci95 = None if opinions.ci95 is None else as_vector(opinions.ci95, "ci95")
        named = None if opinions.contents is None else np.asarray(opinions.contents)
        codes = None if named is None else np.unique(named, return_inverse=True)[1]
        columns = [*oriented.items(), ("ci95", ci95), ("contents", codes)]
        for name, column in columns:
            if column is not None and column.shape != mos.shape:
                raise UsageError(f"{name} has shape {column.shape}, but there are {mos.size} opinions.")
        return cls(oriented, mos if opinions.higher_is_better else -mos, ci95, codes)

    def part(self, rows: NDArray[np.intp]) -> _Study:
        return _Study(
            {name: values[rows] for name, values in self.scores.items()},
            self.mos[rows],
            None if self.ci95 is None else self.ci95[rows],
            None if self.contents is None else self.contents[rows],
        )

    def bootstraps(
        self, row: Sequence[Cell], statistics: Sequence[Statistic], resamples: int, seed: int
    ) -> dict[str, Bootstrap]:
        """One bootstrap a statistic, of all scorers together."""
        table = np.stack([np.asarray(values, dtype=np.float64) for values in self.scores.values()], axis=1)
        contents = np.arange(self.mos.size) if self.contents is None else self.contents
        boots: dict[str, Bootstrap] = {}
        for statistic in statistics:
            values, free = table, 0
            if statistic == "rmse":
                fits = [next((m.fit for m in cell.mapped.values()), None) for cell in row]
                values = np.stack([_predictions(fit, x) for fit, x in zip(fits, table.T, strict=True)], axis=1)
                free = max((fit.free_parameters for fit in fits if fit), default=0)
            boots[statistic] = cluster_bootstrap(
                statistic, values, self.mos, contents, resamples=resamples, seed=seed, free_parameters=free
            )
        within = [cell.within.z for cell in row if cell.within]
        if statistics and within:
            boots["within"] = bootstrap_means(np.stack(within, axis=1), resamples=resamples, seed=seed, fisher_z=True)
        return boots


def _cell(scorer: str, subset: str, study: _Study, mappings: Sequence[MappingName]) -> Cell:
    scores = study.scores[scorer]
    pairs = pair(scores, study.mos)
    margins = None if study.ci95 is None else study.ci95[pairs.kept]
    mapped = {}
    fits = fits_of(mappings, pairs)
    for mapping in mappings:
        fit = fits.get(mapping)
        mapped[mapping] = Mapped(
            fit=fit,
            plcc=mapped_plcc_of(pairs, fit),
            rmse=mapped_rmse_of(pairs, fit),
            rmse_star=None if margins is None else mapped_rmse_of(pairs, fit, margins),
        )
    several = study.contents is not None and np.unique(study.contents).size < study.contents.size
    return Cell(
        scorer=scorer,
        subset=subset,
        plcc=plcc_of(pairs),
        srcc=srcc_of(pairs),
        krcc=krcc_of(pairs),
        mapped=mapped,
        within=within_content(scores, study.mos, study.contents) if several and study.contents is not None else None,
    )


def _predictions(fit: Fit | None, scores: Floats) -> Floats:
    out = np.full(scores.shape, np.nan)
    kept = np.isfinite(scores)
    if fit is not None:
        out[kept] = fit(scores[kept])
    return out
