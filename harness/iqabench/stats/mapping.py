"""Scores mapped onto the opinion scale before PLCC and RMSE, by the curves the field uses.

The scores are oriented by their declared direction before anything is fitted, and a fit never turns a scorer
round: a scorer that ranks backwards keeps its negative PLCC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from iqabench.errors import UsageError
from iqabench.stats.correlation import pearson, plcc_of, rmse, rmse_star
from iqabench.stats.cubic import Cubic, fit_cubic
from iqabench.stats.estimate import Estimate
from iqabench.stats.logistic import Curve, fit_logistics
from iqabench.stats.pairs import Floats, Pairs, pair

MappingName = Literal["none", "linear", "logistic4", "logistic5", "cubic"]
MAPPINGS: tuple[MappingName, ...] = ("none", "linear", "logistic4", "logistic5", "cubic")
FREE_PARAMETERS: dict[MappingName, int] = {"none": 0, "linear": 2, "logistic4": 4, "logistic5": 5, "cubic": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted mapping; call it with oriented scores (n,) to predict opinions (n,).

    ``sse`` is the sum of squared residuals on the fitted pairs. ``flat`` says that the curve is a constant: no
    rising one fits better.
    """

    mapping: MappingName
    curve: _Scaled
    sse: float
    n: int
    flat: bool

    def __call__(self, scores: ArrayLike) -> Floats:
        return self.curve(np.asarray(scores, dtype=np.float64))

    @property
    def parameters(self) -> tuple[float, ...]:
        """The published ones:

        - logistic4: β1..β4 of (β1-β2)/(1+exp(-(x-β3)/β4)) + β2, with β1 ≥ β2 and β4 > 0 (VQEG FR-TV);
        - logistic5: β1..β5 of β1(½ - 1/(1+exp(β2(x-β3)))) + β4·x + β5 with β1, β2, β4 ≥ 0 (Sheikh et al. 2006);
        - cubic: a..d of a + bx + cx² + dx³, never falling between the lowest and the highest score (P.1401 7.3.2);
        - linear: a, b of a + bx with b ≥ 0.
        """
        return _PUBLISHED[self.mapping](self.curve.shape, self.curve)

    @property
    def free_parameters(self) -> int:
        return FREE_PARAMETERS[self.mapping]


def fit(mapping: MappingName, scores: ArrayLike, mos: ArrayLike) -> Fit:
    """The least-squares ``mapping`` of oriented, finite ``scores`` (n,) to ``mos`` (n,). It always succeeds.

    None can fall. The five-parameter curve is often fitted free, but free its best fit can be a spike: on TID2013
    with GMSD the free optimum has an RMSE of 0.595 with a drop for the best images, the rising one the published
    0.633.
    """
    return fits([mapping], scores, mos)[mapping]


def fits(mappings: Sequence[MappingName], scores: ArrayLike, mos: ArrayLike) -> dict[MappingName, Fit]:
    """``fit`` of every one of ``mappings``; the two logistics share their search."""
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    for mapping in mappings:
        if mapping not in _PUBLISHED:
            raise UsageError(f"{mapping!r} is no mapping to fit.", hint=f"Choose one of {', '.join(_PUBLISHED)}.")
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise UsageError(f"cannot fit scores of shape {x.shape} to opinions of shape {y.shape}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UsageError("cannot fit scores or opinions that are not finite.")
    # Units are taken out first, so that extreme ones neither overflow nor vanish.
    x_mean, y_mean = float(x.mean()), float(y.mean())
    u, v = x - x_mean, y - y_mean
    x_unit, y_unit = float(np.abs(u).max()) or 1.0, float(np.abs(v).max()) or 1.0
    u, v = u / x_unit, v / y_unit
    found = {}
    for mapping, shape in _shapes(mappings, u, v).items():
        predicted = shape(u)
        found[mapping] = Fit(
            mapping=mapping,
            curve=_Scaled(shape, x_mean, x_unit, y_mean, y_unit),
            sse=float(((predicted - v) ** 2).sum()) * y_unit * y_unit,
            n=x.size,
            flat=bool(np.ptp(predicted) <= 1e-12),
        )
    return found


def mapped_plcc(
    mapping: MappingName,
    scores: ArrayLike,
    mos: ArrayLike,
    *,
    higher_is_better: bool = True,
    mos_higher_is_better: bool = True,
) -> Estimate:
    """PLCC after ``mapping``; see mapped_plcc_of."""
    pairs = pair(scores, mos, higher_is_better=higher_is_better, mos_higher_is_better=mos_higher_is_better)
    return mapped_plcc_of(pairs, fit_pairs(mapping, pairs))


def fit_pairs(mapping: MappingName, pairs: Pairs) -> Fit | None:
    """The fit, or None where there are no more pairs than parameters, or no correlation."""
    return fits_of([mapping], pairs).get(mapping)


def fits_of(mappings: Sequence[MappingName], pairs: Pairs) -> dict[MappingName, Fit]:
    """The fits, without those that have as many parameters as there are pairs, or more; none without correlation."""
    possible = [] if pairs.reason else [mapping for mapping in mappings if pairs.n > FREE_PARAMETERS[mapping]]
    return fits(possible, pairs.scores, pairs.mos) if possible else {}


def mapped_plcc_of(pairs: Pairs, fitted: Fit | None) -> Estimate:
    """PLCC of the mapped scores with the opinions.

    Its sign is that of the raw PLCC. Where that is negative no rising curve can help, and a curve fitted to
    what is left would print a positive number: the raw value stands, and the note says so.
    """
    if fitted is None:
        return Estimate(value=math.nan, n=pairs.n, total=pairs.total, reason=pairs.reason or _too_few(pairs))
    raw = plcc_of(pairs)
    if raw.value <= 0 or fitted.flat:
        note = "ranks backwards: raw value" if raw.value < 0 else "no rising curve fits: raw value"
        return Estimate(value=raw.value, n=raw.n, total=raw.total, reason=raw.reason, note=note)
    return Estimate(value=pearson(fitted(pairs.scores), pairs.mos), n=pairs.n, total=pairs.total)


def mapped_rmse_of(pairs: Pairs, fitted: Fit | None, mos_ci95: ArrayLike | None = None) -> Estimate:
    """RMSE of the mapped scores, or RMSE* where ``mos_ci95`` (n of the pairs,) is given, with N-d below."""
    if fitted is None:
        return Estimate(value=math.nan, n=pairs.n, total=pairs.total, reason=pairs.reason or _too_few(pairs))
    predicted = fitted(pairs.scores)
    free = fitted.free_parameters
    if mos_ci95 is None:
        error = rmse(predicted, pairs.mos, free_parameters=free)
    else:
        error = rmse_star(predicted, pairs.mos, mos_ci95, free_parameters=free)
    return Estimate(value=error.value, n=error.n, total=pairs.total, reason=error.reason)


def _too_few(pairs: Pairs) -> str:
    return f"n={pairs.n}: no more pairs than the mapping has parameters"


@dataclass(frozen=True, slots=True)
class _Scaled:
    shape: Callable[[Floats], Floats]
    x_mean: float
    x_unit: float
    y_mean: float
    y_unit: float

    def __call__(self, x: Floats) -> Floats:
        return self.y_mean + self.y_unit * self.shape((x - self.x_mean) / self.x_unit)


@dataclass(frozen=True, slots=True)
class _Line:
    intercept: float
    slope: float

    def __call__(self, x: Floats) -> Floats:
        return self.intercept + self.slope * x


def _shapes(mappings: Sequence[MappingName], u: Floats, v: Floats) -> dict[MappingName, _Line | Curve | Cubic]:
    logistics = [mapping for mapping in mappings if mapping in _LINEAR_TERM]
    shapes: dict[MappingName, _Line | Curve | Cubic] = {}
    if logistics:
        curves = fit_logistics(u, v, linear_terms=[_LINEAR_TERM[mapping] for mapping in logistics])
        shapes |= zip(logistics, curves, strict=True)
    if "cubic" in mappings:
        shapes["cubic"] = fit_cubic(u, v)
    if "linear" in mappings:
        shapes["linear"] = _line(u, v)
    return shapes


def _line(u: Floats, v: Floats) -> _Line:
    norm = float(u @ u)
    return _Line(0.0, max(0.0, float(u @ v) / norm) if norm > 0 else 0.0)


def _line_parameters(shape: _Line, to: _Scaled) -> tuple[float, ...]:
    slope = shape.slope * to.y_unit / to.x_unit
    return to.y_mean + to.y_unit * shape.intercept - slope * to.x_mean, slope


def _logistic4_parameters(shape: Curve, to: _Scaled) -> tuple[float, ...]:
    high, low = (to.y_mean + to.y_unit * level for level in shape.levels())
    return high, low, to.x_mean + to.x_unit * shape.centre, to.x_unit * shape.scale


def _logistic5_parameters(shape: Curve, to: _Scaled) -> tuple[float, ...]:
    high, low, centre, scale = _logistic4_parameters(shape, to)
    slope = shape.slope * to.y_unit / to.x_unit
    return high - low, 1 / scale, centre, slope, (high + low) / 2 - slope * to.x_mean


def _cubic_parameters(shape: Cubic, to: _Scaled) -> tuple[float, ...]:
    line = np.polynomial.Polynomial([-to.x_mean / to.x_unit, 1 / to.x_unit])
    scaled = to.y_mean + to.y_unit * np.polynomial.Polynomial(shape.powers())(line)
    return tuple(np.pad(scaled.coef, (0, 4))[:4].tolist())


_LINEAR_TERM: dict[MappingName, bool] = {"logistic4": False, "logistic5": True}
_PUBLISHED: dict[MappingName, Callable[..., tuple[float, ...]]] = {
    "linear": _line_parameters,
    "logistic4": _logistic4_parameters,
    "logistic5": _logistic5_parameters,
    "cubic": _cubic_parameters,
}
