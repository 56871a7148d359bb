"""Confidence intervals in closed form. They hold for independent images only: where images share a source
content, use iqabench.stats.bootstrap."""

from __future__ import annotations

import math

from scipy import special

from iqabench.stats.estimate import Interval, missing_interval


def normal_quantile(level: float) -> float:
    """z of a two-sided interval: 1.959964 for 0.95."""
    return float(special.ndtri((1 + level) / 2))


def fisher(r: float, n: int, level: float = 0.95) -> Interval:
    """Interval of a PLCC: tanh(atanh r ± z/√(n-3)) (P.1401 7.5.3)."""
    return _through_z(r, n, lost=3, factor=1.0, level=level, method="fisher")


def bonett_wright(rho: float, n: int, level: float = 0.95) -> Interval:
    """Interval of an SRCC: as Fisher's, with variance (1+ρ²/2)/(n-3) (Bonett & Wright 2000)."""
    return _through_z(rho, n, lost=3, factor=1 + rho * rho / 2, level=level, method="bonett-wright")


def fieller(rho: float, n: int, level: float = 0.95) -> Interval:
    """Interval of an SRCC with variance 1.06/(n-3) (Fieller, Hartley & Pearson 1957)."""
    return _through_z(rho, n, lost=3, factor=1.06, level=level, method="fieller")


def kendall(tau: float, n: int, level: float = 0.95) -> Interval:
    """Interval of a KRCC: as Fisher's, with variance 0.437/(n-4) (Fieller et al. 1957; Bonett & Wright 2000)."""
    return _through_z(tau, n, lost=4, factor=0.437, level=level, method="fieller")


def mos_half_width(sd: float, raters: int, level: float = 0.95) -> float:
    """Half width of one opinion's interval, t(M-1)·s/√M (P.1401 7.4); nan below two raters."""
    if raters < 2:
        return math.nan
    return float(special.stdtrit(raters - 1, (1 + level) / 2)) * sd / math.sqrt(raters)


def _through_z(r: float, n: int, *, lost: int, factor: float, level: float, method: str) -> Interval:
    if math.isnan(r):
        return missing_interval(level, method, "there is no correlation")
    if n <= lost:
        return missing_interval(level, method, f"n={n}: at least {lost + 1} are needed")
    if abs(r) >= 1:
        return Interval(low=r, high=r, level=level, method=method)
    half = normal_quantile(level) * math.sqrt(factor / (n - lost))
    z = math.atanh(r)
    return Interval(low=math.tanh(z - half), high=math.tanh(z + half), level=level, method=method)
