"""Is one scorer better than another? Tests in closed form, and the correction for asking many times.

All but the bootstrap's own tests (iqabench.stats.bootstrap) assume independent images.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from iqabench.errors import UsageError
from iqabench.stats.correlation import pearson
from iqabench.stats.estimate import Interval, TestResult, missing_interval
from iqabench.stats.intervals import fisher, normal_quantile
from iqabench.stats.pairs import Floats, as_vector


def two_independent(r1: float, n1: int, r2: float, n2: int) -> TestResult:
    """Do two correlations on different images differ? Fisher's z (P.1401 7.6.1)."""
    if min(n1, n2) <= 3 or max(abs(r1), abs(r2)) >= 1:
        return _none("fisher", "both need n > 3 and |r| < 1")
    z = (math.atanh(r1) - math.atanh(r2)) / math.sqrt(1 / (n1 - 3) + 1 / (n2 - 3))
    return _normal("fisher", z)


def steiger(r12: float, r13: float, r23: float, n: int) -> TestResult:
    """Do two scorers correlate differently with the same opinions? Steiger (1980), with pooled r.

    ``r12`` and ``r13`` are each scorer's correlation with the opinions, ``r23`` that between the scorers.
    """
    reason = _unfit(r12, r13, r23, n)
    if reason:
        return _none("steiger", reason)
    mean = (r12 + r13) / 2
    spread = 1 - mean * mean
    psi = r23 * (1 - 2 * mean**2) - mean**2 * (1 - 2 * mean**2 - r23**2) / 2
    covariance = psi / spread**2
    z = (math.atanh(r12) - math.atanh(r13)) * math.sqrt((n - 3) / (2 - 2 * covariance))
    return _normal("steiger", z)


def williams(r12: float, r13: float, r23: float, n: int) -> TestResult:
    """The same question by Williams' t on n-3 degrees of freedom (Williams 1959; Steiger 1980)."""
    reason = _unfit(r12, r13, r23, n)
    if reason:
        return _none("williams", reason)
    det = 1 - r12**2 - r13**2 - r23**2 + 2 * r12 * r13 * r23
    mean = (r12 + r13) / 2
    below = 2 * (n - 1) / (n - 3) * det + mean**2 * (1 - r23) ** 3
    if below <= 0:
        return _none("williams", "the three correlations cannot be together")
    t = (r12 - r13) * math.sqrt((n - 1) * (1 + r23) / below)
    return _student("williams", t, n - 3)


def meng(r12: float, r13: float, r23: float, n: int) -> TestResult:
    """The same question by Meng, Rosenthal and Rubin's z (1992)."""
    reason = _unfit(r12, r13, r23, n)
    if reason:
        return _none("meng", reason)
    mean_square = (r12**2 + r13**2) / 2
    f = min(1.0, (1 - r23) / (2 * (1 - mean_square)))
    h = (1 - f * mean_square) / (1 - mean_square)
    z = (math.atanh(r12) - math.atanh(r13)) * math.sqrt((n - 3) / (2 * (1 - r23) * h))
    return _normal("meng", z)


def zou(r12: float, r13: float, r23: float, n: int, level: float = 0.95) -> Interval:
    """Interval of r12 - r13 on the same images (Zou 2007)."""
    reason = _unfit(r12, r13, r23, n)
    if reason:
        return missing_interval(level, "zou", reason)
    a, b = fisher(r12, n, level), fisher(r13, n, level)
    joint = (r23 - r12 * r13 / 2) * (1 - r12**2 - r13**2 - r23**2) + r23**3
    c = joint / ((1 - r12**2) * (1 - r13**2))
    return _zou(r12, a, r13, b, c, level)


def zou_independent(r1: float, n1: int, r2: float, n2: int, level: float = 0.95) -> Interval:
    """Interval of r1 - r2 on different images (Zou 2007)."""
    return _zou(r1, fisher(r1, n1, level), r2, fisher(r2, n2, level), 0.0, level)


def f_test(rmse1: float, n1: int, rmse2: float, n2: int, *, free1: int = 0, free2: int = 0) -> TestResult:
    """Do two RMSE differ? Larger over smaller mean square against F (P.1401 7.6.4), two-sided.

    Assumes Gaussian residuals that are independent between the scorers; on the same images they are not:
    prefer ``morgan_pitman`` there.
    """
    df1, df2 = n1 - free1, n2 - free2
    if min(df1, df2) < 1 or min(rmse1, rmse2) <= 0:
        return _none("F", "both need n > d and an error above 0")
    ratio = rmse1**2 / rmse2**2
    upper = float(special.fdtrc(df1, df2, ratio))
    return TestResult(name="F", statistic=ratio, p=min(1.0, 2 * min(upper, 1 - upper)), df=float(df1))


def morgan_pitman(residuals1: ArrayLike, residuals2: ArrayLike) -> TestResult:
    """Do two scorers' residuals on the same images differ in variance? (Morgan 1939, Pitman 1939)

    The correlation of their sum with their difference, by t on n-2 degrees of freedom. Positive: the first
    scorer errs more.
    """
    e1, e2 = as_vector(residuals1, "residuals1"), as_vector(residuals2, "residuals2")
    if e1.size != e2.size:
        raise UsageError(f"{e1.size} and {e2.size} residuals are not of the same images.")
    n = e1.size
    r = pearson(e1 + e2, e1 - e2) if n > 2 else math.nan
    if math.isnan(r):
        return _none("morgan-pitman", "fewer than 3 images, or equal residuals")
    if abs(r) >= 1:
        return TestResult(name="morgan-pitman", statistic=math.copysign(math.inf, r), p=0.0, df=n - 2.0)
    return _student("morgan-pitman", r * math.sqrt((n - 2) / (1 - r * r)), n - 2)


def kurtosis_is_normal(residuals: ArrayLike) -> bool:
    """Whether the residuals' kurtosis lies in [2, 4], as the F-test is commonly conditioned (Sheikh 2006)."""
    e = as_vector(residuals, "residuals")
    e = e - e.mean()
    square = float(e @ e) / e.size
    return bool(square > 0 and 2 <= float((e**4).mean()) / square**2 <= 4)


def holm(p: ArrayLike) -> Floats:
    """p-values adjusted for their number (Holm 1979); nan stays nan and is not counted."""
    given = np.asarray(p, dtype=np.float64)
    flat = given.ravel()
    kept = np.flatnonzero(np.isfinite(flat))
    order = kept[np.argsort(flat[kept], kind="stable")]
    adjusted = np.full(flat.size, np.nan)
    scaled = flat[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted.reshape(given.shape)


def holm_pairs(p: ArrayLike) -> Floats:
    """Holm on a symmetric matrix of p-values (k, k), every pair counted once."""
    matrix = np.asarray(p, dtype=np.float64)
    above = np.triu_indices(matrix.shape[0], k=1)
    adjusted = np.full(matrix.shape, np.nan)
    adjusted[above] = holm(matrix[above])
    adjusted.T[above] = adjusted[above]
    return adjusted


def steiger_matrix(scores: ArrayLike, mos: ArrayLike) -> Floats:
    """Steiger's p for every two scorers (k, k). ``scores`` (n, k) and ``mos`` (n,) are oriented and finite.

    For SRCC give ranks: Steiger's test on Spearman's coefficients (Myers & Sirois 2006).
    """
    table = np.column_stack([np.asarray(mos, dtype=np.float64), np.asarray(scores, dtype=np.float64)])
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.atleast_2d(np.corrcoef(table, rowvar=False))
    size = table.shape[1] - 1
    p = np.full((size, size), np.nan)
    for a in range(size):
        for b in range(a + 1, size):
            test = steiger(r[0, a + 1], r[0, b + 1], r[a + 1, b + 1], table.shape[0])
            p[a, b] = p[b, a] = test.p
    return p


def _zou(r1: float, a: Interval, r2: float, b: Interval, c: float, level: float) -> Interval:
    if math.isnan(a.low) or math.isnan(b.low):
        return missing_interval(level, "zou", a.reason or b.reason)
    below = (r1 - a.low) ** 2 + (b.high - r2) ** 2 - 2 * c * (r1 - a.low) * (b.high - r2)
    above = (a.high - r1) ** 2 + (r2 - b.low) ** 2 - 2 * c * (a.high - r1) * (r2 - b.low)
    difference = r1 - r2
    return Interval(
        low=difference - math.sqrt(max(0.0, below)),
        high=difference + math.sqrt(max(0.0, above)),
        level=level,
        method="zou",
    )


def _unfit(r12: float, r13: float, r23: float, n: int) -> str:
    if any(math.isnan(r) for r in (r12, r13, r23)):
        return "a correlation does not exist"
    if n <= 3:
        return f"n={n}: at least 4 are needed"
    if max(abs(r12), abs(r13)) >= 1 or r23 >= 1:
        return "a correlation is 1: the scorers or the opinions are the same"
    return ""


def _none(name: str, reason: str) -> TestResult:
    return TestResult(name=name, statistic=math.nan, p=math.nan, reason=reason)


def _normal(name: str, z: float) -> TestResult:
    return TestResult(name=name, statistic=z, p=2 * float(special.ndtr(-abs(z))))


def _student(name: str, t: float, df: int) -> TestResult:
    return TestResult(name=name, statistic=t, p=2 * float(special.stdtr(df, -abs(t))), df=float(df))


def two_sided_z(alpha: float) -> float:
    """The z that a two-sided test at ``alpha`` must exceed."""
    return normal_quantile(1 - alpha)
