"""The figures themselves: each metric on each group for all scorers, with paired resamples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from iqabench.errors import UsageError
from iqabench.report.groups import Group
from iqabench.report.opinions import Rated
from iqabench.report.residuals import ERRORS, NEED_SPREAD, Residuals
from iqabench.report.separation import SEPARATION, Separation
from iqabench.stats.auc import Joint
from iqabench.stats.bootstrap import Bootstrap, bootstrap_means, cluster_bootstrap
from iqabench.stats.estimate import Estimate
from iqabench.stats.mapping import FREE_PARAMETERS, MappingName
from iqabench.stats.matrix import Cell, Opinions, correlate
from iqabench.stats.ranking import mean_correlation
from iqabench.stats.resampling import Statistic
from iqabench.stats.significance import steiger_matrix

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Metric = Literal["plcc", "srcc", "krcc", "within", "rmse", "rmse-star", "mae", "outliers", "auc-ds", "auc-bw", "c0"]
METRICS: tuple[Metric, ...] = (
    "plcc", "srcc", "krcc", "within", "rmse", "rmse-star", "mae", "outliers", "auc-ds", "auc-bw", "c0",
)  # fmt: skip
_CORRELATIONS: dict[str, Statistic] = {"plcc": "plcc", "srcc": "srcc", "krcc": "krcc"}
_SCALED = ("plcc", *ERRORS)
_MOST = 1 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric on one group: an estimate for each scorer, and what is known of all of them together.

    That is resamples, where asked for; or for Krasula's figures their covariance (``joint``); or ``p`` of every
    difference by Steiger's test (scorers, scorers), where images are independent.
    """

    metric: Metric
    mapping: MappingName
    group: Group
    estimates: tuple[Estimate, ...]
    bootstrap: Bootstrap | None = None
    joint: Joint | None = None
    p: Floats | None = None

    @property
    def sign(self) -> float:
        """-1 where less is better."""
        return -1.0 if self.metric in ERRORS else 1.0


def figures(
    rated: Rated,
    grouped: Sequence[Group],
    metrics: Sequence[Metric],
    mappings: Sequence[MappingName],
    *,
    resamples: int = 0,
    seed: int = 0,
) -> Iterator[Figure]:
    """Every metric, raw and after each mapping where it has a scale, on every group. Raises UsageError."""
    lacking = [metric for metric in metrics if metric in (*NEED_SPREAD, *SEPARATION) and rated.spread is None]
    if lacking:
        raise UsageError(
            f"{lacking[0]} needs the standard deviation and the number of each image's votes.",
            hint="Give --raters, and --std where the table has another name for it.",
        )
    better = {name: values if rated.higher_is_better[name] else -values for name, values in rated.scores.items()}
    used = mappings if set(_SCALED) & set(metrics) else ()
    masks = {f"{group.by}/{group.label}/{at}": part for group in grouped for at, part in enumerate(group.parts)}
    mos = rated.better_mos()
    matrix = correlate(better, Opinions(mos=mos, contents=rated.contents), subsets=masks, mappings=used)
    wanted = [(metric, mapping) for metric in metrics for mapping in ("none", *(used if metric in _SCALED else ()))]
    for group in grouped:
        parts = [
            _Part(
                rated=rated,
                mask=mask,
                scores=np.stack([values[mask] for values in better.values()], axis=1),
                mos=mos[mask],
                cells=[matrix.cells[scorer, f"{group.by}/{group.label}/{at}"] for scorer in better],
                # Parts share no photo: each has draws of its own.
                seed=seed + at,
                resamples=resamples if mask.sum() > 2 else 0,
            )
            for at, mask in enumerate(group.parts)
        ]
        separation = parts[0].separation() if set(SEPARATION) & set(metrics) and len(parts) == 1 else None
        for metric, mapping in wanted:
            yield _figure(metric, mapping, group, parts, separation)


def _figure(
    metric: Metric, mapping: MappingName, group: Group, parts: Sequence[_Part], separation: Separation | None
) -> Figure:
    empty = Figure(metric=metric, mapping=mapping, group=group, estimates=())
    if len(parts) > 1:
        if metric in ERRORS or metric in SEPARATION:
            return replace(empty, estimates=_refused(parts, "figures on unlike scales are not averaged"))
        found = [part.figure(empty) for part in parts]
        boots = [one.bootstrap for one in found if one.bootstrap is not None]
        estimates = [[one.estimates[scorer] for one in found] for scorer in range(len(parts[0].cells))]
        together = _together(boots) if len(boots) == len(parts) else None
        return replace(empty, estimates=tuple(map(_mean, estimates)), bootstrap=together)
    if separation is not None and metric in SEPARATION:
        return replace(empty, estimates=tuple(separation.estimates(metric)), joint=separation.joint(metric))
    return parts[0].figure(empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Images that may be pooled. ``scores`` (n, scorers) and ``mos`` (n,) are oriented: higher is better."""

    rated: Rated
    mask: Mask
    scores: Floats
    mos: Floats
    cells: Sequence[Cell]
    seed: int
    resamples: int

    def figure(self, empty: Figure) -> Figure:
        metric, mapping = empty.metric, empty.mapping
        if metric == "within":
            return self._within(empty)
        if metric in ERRORS:
            return self._errors(empty)
        scores = self.scores if mapping == "none" else self._predicted(mapping, keep_raw=True)
        estimates = tuple(_correlation(metric, mapping, cell) for cell in self.cells)
        boot = None
        if self.resamples:
            there = np.where([one.exists for one in estimates], scores, math.nan)
            with np.errstate(invalid="ignore", divide="ignore"):  # a draw may miss every image of a scorer
                boot = cluster_bootstrap(
                    _CORRELATIONS[metric], there, self.mos, self._contents(), resamples=self.resamples, seed=self.seed
                )
        return replace(empty, estimates=estimates, bootstrap=boot, p=self._steiger(metric, scores))

    def separation(self) -> Separation | None:
        if self.rated.spread is None:
            return None
        sd, raters = (values[self.mask] for values in (self.rated.spread.sd, self.rated.spread.raters))
        contents = None if self.rated.contents is None else self.rated.contents[self.mask]
        return Separation(self.scores, self.mos, sd, raters, contents)

    def _errors(self, empty: Figure) -> Figure:
        spread = self.rated.spread
        residuals = Residuals(
            predicted=self._on_their_own_scale() if empty.mapping == "none" else self._predicted(empty.mapping),
            mos=self.mos,
            margin=None if spread is None else spread.ci95()[self.mask],
            free=FREE_PARAMETERS[empty.mapping],
        )
        estimates = residuals.estimates(empty.metric)
        boot = None
        if self.resamples:
            boot = residuals.bootstrap(empty.metric, self._contents(), resamples=self.resamples, seed=self.seed)
        return replace(empty, estimates=tuple(map(self._explained, estimates, self.cells)), bootstrap=boot)

    def _explained(self, estimate: Estimate, cell: Cell) -> Estimate:
        """Where there is no prediction: because there is no score, no fit, or no scale in common."""
        if estimate.n or not cell.plcc.n:
            return estimate
        reason = cell.plcc.reason or "the scores run against the opinions, or are too few for the mapping"
        return replace(estimate, n=cell.plcc.n, reason=reason)

    def _on_their_own_scale(self) -> Floats:
        """The scores as they are: an error of them means something only on the opinions' own scale."""
        upwards = self.rated.upwards()[self.mask]
        scores = self.scores.copy()
        for at, scorer in enumerate(self.rated.scores):
            if (upwards != self.rated.higher_is_better[scorer]).any():
                scores[:, at] = math.nan
        return scores

    def _predicted(self, mapping: MappingName, *, keep_raw: bool = False) -> Floats:
        """What the fitted curves make of the scores (n, scorers). ``keep_raw`` leaves the scores where the raw PLCC
        stands for its own."""
        out = np.full(self.scores.shape, math.nan)
        for at, cell in enumerate(self.cells):
            mapped, scores = cell.mapped[mapping], self.scores[:, at]
            if mapped.fit is None:
                continue
            if keep_raw and mapped.plcc.value == cell.plcc.value:
                out[:, at] = scores
            else:
                kept = np.isfinite(scores)
                out[kept, at] = mapped.fit(scores[kept])
        return out

    def _contents(self) -> NDArray:
        return np.arange(self.mos.size) if self.rated.contents is None else self.rated.contents[self.mask]

    def _steiger(self, metric: Metric, scores: Floats) -> Floats | None:
        if self.resamples or self.rated.contents is not None or metric not in ("plcc", "srcc"):
            return None
        complete = np.isfinite(scores).all(axis=1)
        if complete.sum() < 4:
            return None
        x, y = scores[complete], self.mos[complete]
        return steiger_matrix(rankdata(x, axis=0), rankdata(y)) if metric == "srcc" else steiger_matrix(x, y)

    def _within(self, empty: Figure) -> Figure:
        found = [cell.within for cell in self.cells if cell.within is not None]
        if not found:
            return replace(empty, estimates=_refused([self], "no two images share a source photo"))
        boot = None
        if self.resamples:
            z = np.stack([one.z for one in found], axis=1)
            boot = bootstrap_means(z, resamples=self.resamples, seed=self.seed, fisher_z=True)
        estimates = tuple(replace(one.estimate, note="n counts source photos") for one in found)
        return replace(empty, estimates=estimates, bootstrap=boot)


def _correlation(metric: Metric, mapping: MappingName, cell: Cell) -> Estimate:
    if mapping != "none":
        return cell.mapped[mapping].plcc
    return {"plcc": cell.plcc, "srcc": cell.srcc, "krcc": cell.krcc}[metric]


def _refused(parts: Sequence[_Part], reason: str) -> tuple[Estimate, ...]:
    total = sum(part.mos.size for part in parts)
    return (Estimate(value=math.nan, n=0, total=total, reason=reason),) * len(parts[0].cells)


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    mean = mean_correlation([one.value for one in estimates])
    note = f"mean of {mean.n}" + (f" of {mean.total}" if mean.n < mean.total else "")
    return Estimate(
        value=mean.value,
        n=sum(one.n for one in estimates),
        total=sum(one.total for one in estimates),
        reason=mean.reason,
        note=note if mean.exists else "",
    )


def _together(boots: Sequence[Bootstrap]) -> Bootstrap:
    """Resamples of the mean through Fisher's z."""

    def z(values: Floats) -> Floats:
        return np.arctanh(np.clip(values, -_MOST, _MOST))

    estimates = np.stack([z(boot.estimate) for boot in boots])
    total, present = np.nansum(estimates, axis=0), np.isfinite(estimates).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Without one content its own part's z changes, and with it the mean.
        left_out = [np.tanh((total + np.nan_to_num(z(boot.jackknife) - z(boot.estimate))) / present) for boot in boots]
        mean = np.tanh(total / present)
    return Bootstrap(
        statistic=boots[0].statistic,
        estimate=mean,
        resampled=np.tanh(_nanmean([z(boot.resampled) for boot in boots])),
        jackknife=np.concatenate(left_out),
        contents=sum(boot.contents for boot in boots),
        seed=boots[0].seed,
    )


def _nanmean(tables: Sequence[Floats]) -> Floats:
    """Mean of tables, cell by cell, without a stack of thousands of scenes in memory."""
    total, present = np.zeros(tables[0].shape), np.zeros(tables[0].shape)
    for table in tables:
        kept = np.isfinite(table)
        total += np.where(kept, table, 0.0)
        present += kept
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / present)
