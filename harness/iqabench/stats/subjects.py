"""Opinions recovered from raw votes by models of the raters.

All models see votes u (stimuli j, raters i), nan where missing: u_ij = ψ_j + b_i + ν_i·ε. Biases sum to zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from iqabench.errors import UsageError
from iqabench.stats.pairs import Floats
from iqabench.stats.screening import Screening, Unanimous, bt500
from iqabench.stats.votes import as_votes, nanmean, plain_mos
from iqabench.text import amount

_SMALL_PANEL = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """``mos`` and its standard error ``se`` (stimuli,), ``bias`` and ``inconsistency`` (raters,), nan for a
    rejected rater. ``notice`` is not empty where the model should not be believed."""

    model: str
    mos: Floats
    se: Floats
    bias: Floats
    inconsistency: Floats
    rejected: tuple[int, ...] = ()
    rounds: int = 0
    notice: str = ""

    def ci(self, level: float = 0.95) -> Floats:
        """Half width of each opinion's normal interval (stimuli,)."""
        return np.asarray(special.ndtri((1 + level) / 2) * self.se)


def mos_model(votes: ArrayLike) -> Recovered:
    """The plain mean."""
    table = as_votes(votes)
    plain = plain_mos(table)
    residual = table - plain.mos[:, None]
    return _recovered("mos", plain.mos, plain.se, nanmean(residual, axis=0), table)


def bt500_model(votes: ArrayLike, *, ddof: int = 1, unanimous: Unanimous = "skip") -> Recovered:
    """The mean of the raters that BT.500 screening leaves."""
    table = as_votes(votes)
    return _screened("bt500", table, table, bt500(table, ddof=ddof, unanimous=unanimous))


def p913_model(votes: ArrayLike, *, ddof: int = 1, unanimous: Unanimous = "skip") -> Recovered:
    """ITU-T P.913 12.4: subtract each rater's bias, then screen by BT.500 and average."""
    table = as_votes(votes)
    unbiased = table - nanmean(table - nanmean(table, axis=1)[:, None], axis=0)
    return _screened("p913", table, unbiased, bt500(unbiased, ddof=ddof, unanimous=unanimous))


def p910_model(votes: ArrayLike, *, tolerance: float = 1e-8, most_rounds: int = 1000) -> Recovered:
    """Alternating projection of ITU-T P.910 (11/21) Annex E, P.913 12.6.

    It can collapse with few raters: one rater's inconsistency goes to zero and takes all the weight. The notice
    says when that happened, and when the panel is small; ``small_panel_model`` does not collapse.
    """
    table = as_votes(votes)
    quality = nanmean(table, axis=1)
    bias = nanmean(table - quality[:, None], axis=0)
    rounds = 0
    while rounds < most_rounds:
        rounds += 1
        residual = table - quality[:, None] - bias
        weight = 1 / (nanstd(residual, axis=0) ** 2 + 1e-8)
        previous = quality
        quality = _weighted(table - bias, weight)
        bias = nanmean(table - quality[:, None], axis=0)
        if float(np.sqrt(np.nansum((quality - previous) ** 2))) < tolerance:
            break
    shift = float(np.nanmean(bias))
    quality, bias = quality + shift, bias - shift
    residual = table - quality[:, None] - bias
    se = nanstd(residual, axis=1) / np.sqrt(np.isfinite(table).sum(axis=1))
    spread = nanstd(residual, axis=0)
    return Recovered(
        model="p910",
        mos=quality,
        se=se,
        bias=bias,
        inconsistency=spread,
        rounds=rounds,
        notice=_collapse_notice(spread),
    )


def small_panel_model(
    votes: ArrayLike, *, prior_votes: float = 20.0, tolerance: float = 1e-9, most_rounds: int = 2000
) -> Recovered:
    """Raters weighted by their consistency, for panels of three raters and more.

    The same model with ψ_j drawn from a normal distribution and integrated out, so that a rater cannot become
    perfect by having the qualities follow their votes: EM on the marginal likelihood. Each rater's variance has
    an inverse-gamma prior worth ``prior_votes`` votes at the panel's pooled variance, and is floored at a
    twentieth of it. ``mos`` is the precision-weighted mean of the unbiased votes (not shrunk), ``se`` 1/√Σ1/ν².
    """
    table = as_votes(votes)
    if table.shape[1] < 3:
        raise UsageError(f"{amount(table.shape[1], 'rater')} cannot be told apart.", hint="Use the plain MOS.")
    present = np.isfinite(table)
    filled, seen = np.where(present, table, 0.0), present.sum(axis=0)
    bias = _additive_bias(table)
    rest = table - bias
    mean = float(np.nanmean(rest))
    within = rest - nanmean(rest, axis=1)[:, None]
    freedom = float(present.sum() - np.any(present, axis=1).sum() - table.shape[1] + 1)
    pooled = max(float(np.nansum(within**2)) / max(freedom, 1.0), 1e-12)
    between = max(float(np.nanvar(nanmean(rest, axis=1))) - pooled / table.shape[1], 0.05 * pooled)
    variance = np.full(table.shape[1], pooled)
    rounds = 0
    while rounds < most_rounds:
        rounds += 1
        precision = present / variance
        total = precision.sum(axis=1) + 1 / between
        expected = ((precision * (filled - bias)).sum(axis=1) + mean / between) / total
        doubt = 1 / total
        bias = np.where(present, filled - expected[:, None], 0.0).sum(axis=0) / np.maximum(seen, 1)
        residual = np.where(present, filled - expected[:, None] - bias, 0.0)
        squares = (residual**2).sum(axis=0) + (present * doubt[:, None]).sum(axis=0)
        updated = np.maximum((squares + prior_votes * pooled) / (seen + prior_votes), pooled / 20)
        shift = float(bias.mean())
        bias = bias - shift
        mean = float(expected.mean()) + shift
        between = max(float(((expected - expected.mean()) ** 2 + doubt).mean()), 1e-3 * pooled)
        change = float(np.abs(np.log(updated / variance)).max())
        variance = updated
        if change < tolerance:
            break
    weight = 1 / variance
    precision_sum = (present * weight).sum(axis=1)
    with np.errstate(divide="ignore"):
        se = np.where(precision_sum > 0, 1 / np.sqrt(precision_sum), np.nan)
    return Recovered(
        model="small-panel",
        mos=_weighted(table - bias, weight),
        se=se,
        bias=bias,
        inconsistency=np.sqrt(variance),
        rounds=rounds,
    )


def nanstd(values: Floats, axis: int) -> Floats:
    """Population SD of what is there."""
    mean = np.expand_dims(nanmean(values, axis), axis)
    return np.sqrt(nanmean((values - mean) ** 2, axis))


def _additive_bias(table: Floats) -> Floats:
    """Least-squares rater effects of u = ψ + b with Σb = 0, also where votes are missing."""
    bias = np.zeros(table.shape[1])
    for _ in range(100):
        quality = nanmean(table - bias, axis=1)
        updated = np.nan_to_num(nanmean(table - quality[:, None], axis=0))
        updated -= updated.mean()
        if float(np.abs(updated - bias).max()) < 1e-12:
            break
        bias = updated
    return bias


def _weighted(values: Floats, weight: Floats) -> Floats:
    """Means over raters weighted by ``weight`` (raters,), of the votes that are there."""
    present = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.where(present, values, 0.0) @ weight) / (present @ weight))


def _screened(model: str, table: Floats, used: Floats, screening: Screening) -> Recovered:
    kept = used.copy()
    kept[:, list(screening.rejected)] = np.nan
    plain = plain_mos(kept)
    bias = nanmean(table - plain.mos[:, None], axis=0)
    bias[list(screening.rejected)] = np.nan
    found = _recovered(model, plain.mos, plain.se, bias, table)
    return Recovered(
        model=model,
        mos=found.mos,
        se=found.se,
        bias=found.bias,
        inconsistency=found.inconsistency,
        rejected=screening.rejected,
        notice=screening.notice,
    )


def _recovered(model: str, mos: Floats, se: Floats, bias: Floats, table: Floats) -> Recovered:
    spread = nanstd(table - mos[:, None] - bias, axis=0)
    return Recovered(model=model, mos=mos, se=se, bias=bias, inconsistency=spread)


def _collapse_notice(spread: Floats) -> str:
    if float(np.nanmin(spread)) < 0.05 * float(np.nanmedian(spread)):
        return "The model collapsed onto one rater: use the small-panel model or the plain MOS."
    if spread.size < _SMALL_PANEL:
        return f"With {amount(spread.size, 'rater')} this model can collapse onto one of them."
    return ""
