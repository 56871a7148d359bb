"""From raw votes to opinion scores, and how far they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.errors import UsageError
from iqabench.report.sheet import Entry, Row, Sheet, plain
from iqabench.report.votes import Votes
from iqabench.stats.reliability import (
    Discrepancy,
    Icc,
    discrepancies,
    icc,
    inter_rater_plcc,
    krippendorff_alpha,
    mean_off_diagonal,
    noise_ceiling,
    spearman_brown,
)
from iqabench.stats.screening import RaterAgreement, Screening, Unanimous, against_the_others, bt500
from iqabench.stats.subjects import Recovered, bt500_model, mos_model, p910_model, p913_model, small_panel_model
from iqabench.stats.votes import plain_mos
from iqabench.text import amount

Floats = NDArray[np.float64]
Method = Literal["plain", "bt500", "p913", "p910", "small-panel"]
METHODS: tuple[Method, ...] = ("plain", "bt500", "p913", "p910", "small-panel")
_WORDS = {
    "plain": "plain mean, Student interval",
    "bt500": "mean after BT.500 screening",
    "p913": "P.913: biases subtracted, then BT.500 screening",
    "p910": "P.910: raters' bias and consistency, by alternating projection",
    "small-panel": "small panel: raters' bias and consistency, with a prior",
}
_ENOUGH = 15
_MOST_RATERS, _MOST_SHOWN = 12, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What a panel's votes come to. ``mos``, ``low``, ``high``, ``sd`` and ``count`` are (stimuli,)."""

    votes: Votes
    method: Method
    level: float
    mos: Floats
    low: Floats
    high: Floats
    sd: Floats
    count: NDArray[np.intp]
    raters: Recovered
    agreement: RaterAgreement
    screening: Screening
    correlations: Floats
    mean_correlation: float
    icc: Icc | None
    alpha: float
    to_check: tuple[Discrepancy, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row an image: image, mos, low, high, std of its votes, votes."""
        return pd.DataFrame(
            {
                "image": self.votes.stimuli,
                "mos": self.mos,
                "low": self.low,
                "high": self.high,
                "std": self.sd,
                "votes": self.count,
            }
        )

    @property
    def reliability(self) -> float:
        """Of the mean of all raters, by Spearman and Brown."""
        return spearman_brown(self.mean_correlation, len(self.votes.raters))


def recover(
    votes: Votes,
    method: Method = "plain",
    *,
    ddof: int = 1,
    unanimous: Unanimous = "skip",
    level: float = 0.95,
    apart: float = 3.0,
) -> Panel:
    """Opinion scores by ``method``, and the panel's reliability.

    ``ddof`` and ``unanimous`` are what BT.500 leaves open (see iqabench.stats.bt500). ``apart`` is the distance
    between votes from which an image should be labelled again.
    """
    table = votes.table
    if table.shape[1] < 2:
        raise UsageError("One rater makes no panel.", hint="Give the votes of two raters or more.")
    models: dict[Method, Callable[[], Recovered]] = {
        "plain": lambda: mos_model(table),
        "bt500": lambda: bt500_model(table, ddof=ddof, unanimous=unanimous),
        "p913": lambda: p913_model(table, ddof=ddof, unanimous=unanimous),
        "p910": lambda: p910_model(table),
        "small-panel": lambda: small_panel_model(table),
    }
    found = models[method]()
    raw = plain_mos(table, level=level)
    half = raw.ci if method == "plain" else found.ci(level)
    complete = int(np.isfinite(table).all(axis=1).sum())
    correlations = inter_rater_plcc(table)
    return Panel(
        votes=votes,
        method=method,
        level=level,
        mos=found.mos,
        low=found.mos - half,
        high=found.mos + half,
        sd=raw.sd,
        count=raw.votes,
        raters=found,
        agreement=against_the_others(table),
        screening=bt500(table, ddof=ddof, unanimous=unanimous),
        correlations=correlations,
        mean_correlation=mean_off_diagonal(correlations),
        icc=icc(table) if complete > 1 else None,
        alpha=krippendorff_alpha(table).value,
        to_check=tuple(discrepancies(table, at_least=apart)),
    )


def facts(panel: Panel) -> dict[str, Any]:
    """All of it, as JSON can hold it."""
    votes = panel.votes
    found: dict[str, Any] = _bare(
        {
            "method": panel.method,
            "level": panel.level,
            "raters": [
                {
                    "rater": rater,
                    "votes": int(panel.agreement.votes[at]),
                    "plcc_with_others": panel.agreement.plcc[at],
                    "srcc_with_others": panel.agreement.srcc[at],
                    "bias": panel.raters.bias[at],
                    "inconsistency": panel.raters.inconsistency[at],
                    "rejected": at in panel.raters.rejected,
                    "rejected_by_bt500": at in panel.screening.rejected,
                }
                for at, rater in enumerate(votes.raters)
            ],
            "images": panel.table.to_dict("records"),
            "repeats": votes.repeats,
            "icc": asdict(panel.icc) if panel.icc else None,
            "krippendorff_alpha": panel.alpha,
            "mean_inter_rater_plcc": panel.mean_correlation,
            "spearman_brown": panel.reliability,
            "noise_ceiling": noise_ceiling(panel.mean_correlation, len(votes.raters)),
            "inter_rater_plcc": panel.correlations.tolist(),
            "to_check": [_named(panel, one) for one in panel.to_check],
            "notices": notices(panel),
        }
    )
    return found


def notices(panel: Panel) -> list[str]:
    """What should be said with every figure of this panel."""
    count = len(panel.votes.raters)
    found = [panel.raters.notice] if panel.raters.notice else []
    if panel.screening.notice and panel.screening.notice not in found:
        found.append(f"BT.500: {panel.screening.notice}")
    if count < _ENOUGH:
        found.append(f"{amount(count, 'rater')}: ITU-R BT.500 asks for {_ENOUGH}, ITU-T P.910 for 24.")
    if panel.votes.repeats:
        found.append(
            f"{amount(panel.votes.repeats, 'repeated vote was', 'repeated votes were')} averaged with the first."
        )
    return found


def sheets(panel: Panel) -> list[Sheet]:
    """The panel in summary, its raters, their correlations, and the images to look at again."""
    found = [_summary(panel), _raters(panel)]
    if len(panel.votes.raters) <= _MOST_RATERS:
        found.append(_correlations(panel))
    if panel.to_check:
        found.append(_to_check(panel))
    return found


def _summary(panel: Panel) -> Sheet:
    cast, cells = int(panel.count.sum()), panel.votes.table.size
    images, raters = amount(panel.mos.size, "image"), amount(len(panel.votes.raters), "rater")
    rows: list[tuple[object, ...]] = [
        ("method", _WORDS[panel.method]),
        ("votes", f"{cast} of {cells}: {images} × {raters}"),
        ("MOS", f"{np.nanmin(panel.mos):.3f} to {np.nanmax(panel.mos):.3f}, mean {np.nanmean(panel.mos):.3f}"),
        (f"{panel.level:.0%} interval, mean half width", _number(float(np.nanmean(panel.high - panel.low)) / 2)),
        ("rejected", ", ".join(panel.votes.raters[at] for at in panel.raters.rejected) or "nobody"),
    ]
    if panel.icc:
        one = panel.icc
        rows += [
            (f"ICC, agreement, n={one.n}", f"one rater {one.agreement[0]:.3f}, mean of all {one.agreement[1]:.3f}"),
            (
                f"ICC, consistency, n={one.n}",
                f"one rater {one.consistency[0]:.3f}, mean of all {one.consistency[1]:.3f}",
            ),
        ]
    else:
        rows.append(("ICC", "- (no two images have every rater's vote)"))
    rows += [
        ("Krippendorff's alpha, ordinal", _number(panel.alpha)),
        ("inter-rater PLCC, mean", _number(panel.mean_correlation)),
        (f"reliability of the mean of {len(panel.votes.raters)} (Spearman-Brown)", _number(panel.reliability)),
        ("highest PLCC a scorer can reach", _number(noise_ceiling(panel.mean_correlation, len(panel.votes.raters)))),
    ]
    summary = plain("The panel", ("", "value"), rows)
    return Sheet(title=summary.title, headings=summary.headings, rows=summary.rows, notes=tuple(notices(panel)))


def _raters(panel: Panel) -> Sheet:
    rows = []
    for at, rater in enumerate(panel.votes.raters):
        rejected, flagged = at in panel.raters.rejected, at in panel.screening.rejected
        values = (
            f"{int(panel.agreement.votes[at])}",
            _number(panel.agreement.plcc[at]),
            _number(panel.agreement.srcc[at]),
            _number(panel.raters.bias[at], sign=True),
            _number(panel.raters.inconsistency[at]),
            f"{int(panel.agreement.levels[at])}",
            "rejected" if rejected else "would be rejected by BT.500" if flagged else "",
        )
        rows.append(Row(labels=(rater,), entries=tuple(Entry(text=value) for value in values)))
    headings = (
        "rater",
        "votes",
        "PLCC with the others",
        "SRCC",
        "bias",
        "inconsistency",
        "different votes",
        "screening",
    )
    return Sheet(title="Raters", headings=headings, rows=tuple(rows))


def _correlations(panel: Panel) -> Sheet:
    names = panel.votes.raters
    rows: list[tuple[object, ...]] = [
        (name, *(_number(value) for value in line)) for name, line in zip(names, panel.correlations, strict=True)
    ]
    return plain("PLCC between raters", ("", *names), rows)


def _to_check(panel: Panel) -> Sheet:
    rows: list[tuple[object, ...]] = []
    for one in panel.to_check[:_MOST_SHOWN]:
        named = _named(panel, one)
        odd = ", ".join(f"{rater}: {vote:g}" for rater, vote in named["odd"].items())
        rows.append((named["image"], f"{one.distance:g}", f"{panel.mos[one.stimulus]:.2f}", odd))
    more = len(panel.to_check) - len(rows)
    found = plain(
        f"To be labelled again: {amount(len(panel.to_check), 'image')} whose votes lie far apart",
        ("image", "apart", "MOS", "odd votes"),
        rows,
    )
    notes = (f"And {more} more: --format json lists them all.",) if more else ()
    return Sheet(title=found.title, headings=found.headings, rows=found.rows, notes=notes)


def _named(panel: Panel, one: Discrepancy) -> dict[str, Any]:
    return {
        "image": panel.votes.stimuli[one.stimulus],
        "distance": one.distance,
        "odd": {panel.votes.raters[rater]: vote for rater, vote in zip(one.raters, one.votes, strict=True)},
    }


def _number(value: float, *, sign: bool = False) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def _bare(value: Any) -> Any:
    """numpy's numbers as Python's, and nan as None, which JSON has."""
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_bare(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
