"""Charts as files for papers and slides, by matplotlib, which is loaded when one is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from iqabench.errors import StoreError, UsageError
from iqabench.report.conclusion_sheets import TITLES
from iqabench.report.groups import Group
from iqabench.report.opinions import Rated
from iqabench.report.page.agreement import Agreement
from iqabench.report.page.histograms import histograms
from iqabench.stats.correlation import plcc_of, srcc_of
from iqabench.stats.mapping import MappingName, fit_pairs, mapped_plcc_of
from iqabench.stats.pairs import pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_COLOURS = {"sr": "#0072b2", "lle": "#d55e00", "dn": "#00845f", "": "#595959"}
_STYLE: Any = {
    "text.parse_math": False,  # a file name may hold a dollar sign
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "iqabench",
    "pdf.fonttype": 42,
    "figure.dpi": 150,
}
_PANEL = 2.4  # inches


@contextmanager
def style() -> Iterator[None]:
    """Our settings of matplotlib, for as long as a chart is drawn and saved. Raises UsageError without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        hint = "Install it: pip install 'iqabench[plot]'"
        raise UsageError("Charts need matplotlib, which is not here.", hint=hint) from error
    with mpl.rc_context(_STYLE):
        yield


def scatter(
    rated: Rated, group: Group, scorers: Sequence[str], *, mapping: MappingName = "logistic4", width: float = 0
) -> Figure:
    """A panel a scorer: its scores against the opinions, better to the right and upwards, with the fitted curve."""
    figure, panels = _panels(len(scorers), width)
    mask = np.any(group.parts, axis=0)
    tasks = rated.images["task"].fillna("").to_numpy(dtype=object) if "task" in rated.images else np.full(rated.n, "")
    colours = np.array([_COLOURS.get(str(task), _COLOURS[""]) for task in tasks])[mask]
    # In an order of its own, so that no type lies over the others.
    order = np.random.default_rng(0).permutation(int(mask.sum()))
    for axes, label in zip(panels, scorers, strict=True):
        higher, values, mos = rated.higher_is_better[label], rated.scores[label][mask], rated.mos[mask]
        axes.scatter(
            values[order], mos[order], s=4, c=colours[order], alpha=_alpha(mos.size), linewidths=0, rasterized=True
        )
        pairs = pair(values, rated.better_mos()[mask], higher_is_better=higher)
        said = f"SRCC {_number(srcc_of(pairs).value)}, PLCC {_number(plcc_of(pairs).value)}"
        fitted = fit_pairs(mapping, pairs) if mapping != "none" and len(group.parts) == 1 else None
        if fitted is not None and not fitted.flat and plcc_of(pairs).value > 0:
            better = np.linspace(pairs.scores.min(), pairs.scores.max(), 200)
            sign = 1 if rated.upwards()[mask].all() else -1
            axes.plot(better if higher else -better, sign * fitted(better), color="#1a1a1a", linewidth=1.4)
            said += f", fitted {_number(mapped_plcc_of(pairs, fitted).value)}"
        axes.set_title(f"{label}, n={pairs.n} of {pairs.total}\n{said}", fontsize=7, loc="left")
        if not higher:
            axes.invert_xaxis()
        if not rated.upwards()[mask].all():
            axes.invert_yaxis()
    _share(figure, f"score on {group.label}, better to the right", _measure(rated))
    _legend(figure, [task for task in _COLOURS if task and (tasks[mask] == task).any()])
    return figure


def opinion_histograms(rated: Rated, grouped: Sequence[Group], *, width: float = 0) -> Figure:
    """A panel a group: the share of its images by opinion score (AU-IQA's Figure 4)."""
    found = histograms(rated, grouped)
    if not found:
        raise UsageError("Opinions of several datasets are on unlike scales: they have no histogram in common.")
    figure, panels = _panels(len(found), width)
    most = max(float(one.shares.max()) for one in found)
    for axes, one in zip(panels, found, strict=True):
        axes.bar(
            one.edges[:-1],
            one.shares,
            np.diff(one.edges),
            align="edge",
            color="#3b78b0",
            edgecolor="white",
            linewidth=0.4,
        )
        axes.axvline(one.mean, color="#b00020", linewidth=1.2)
        axes.set_title(f"{one.label}\nn={one.n}, mean {one.mean:.2f}, SD {one.sd:.2f}", fontsize=7, loc="left")
        axes.set_ylim(0, most * 1.05)
        axes.set_xlim(one.edges[0], one.edges[-1])
    _share(figure, _measure(rated), "share of images")
    return figure


def agreement_map(found: Agreement, *, width: float = 0) -> Figure:
    """SRCC between every two scorers, as a heat map with its figures."""
    return _heat(found.srcc, found.labels, found.labels, "SRCC, both oriented", width)


def figures_map(table: pd.DataFrame, metric: str, *, width: float = 0) -> Figure:
    """Scorers down, groups across, one metric of a conclusions' table, as a heat map with its figures."""
    part = table[(table["metric"] == metric) & (table["mapping"] == "none")]
    groups, scorers = list(dict.fromkeys(part["group"])), list(dict.fromkeys(part["scorer"]))
    wide = part.set_index(["scorer", "group"])["value"].unstack("group").reindex(index=scorers, columns=groups)
    return _heat(wide.to_numpy(dtype=float), scorers, groups, TITLES[metric], width)


def framed(picture: Image.Image) -> Figure:
    """A picture as a chart, pixel for pixel at 150 dots an inch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(picture.width / 150, picture.height / 150), dpi=150)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(np.asarray(picture), interpolation="none", aspect="auto")
    return figure


def save(figure: Figure, path: Path) -> None:
    """As its suffix says, the same bytes each time. Raises UsageError for another suffix, and StoreError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{path}: a chart is written as {', '.join(SUFFIXES)}.", hint=f"Try {path.with_suffix('.png')}."
        )
    undated: Mapping[str, Mapping[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata=dict(undated[path.suffix.lower()]))
    except OSError as error:
        raise StoreError(f"{path}: the chart cannot be written ({error.strerror or error}).") from error


def _panels(count: int, width: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    across = max(1, min(count, round((width or 4 * _PANEL) / _PANEL)))
    down = math.ceil(count / across)
    size = (width or across * _PANEL, down * _PANEL * 0.85 + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = np.atleast_1d(figure.subplots(down, across, squeeze=False)).ravel().tolist()
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def _heat(values: NDArray[np.float64], down: Sequence[str], across: Sequence[str], what: str, width: float) -> Figure:
    from matplotlib.figure import Figure

    longest = max(map(len, (*down, *across))) * 0.075
    size = width or len(across) * 0.44 + longest + 1.0
    figure = Figure(figsize=(size, len(down) * 0.26 + longest + 0.6), layout="constrained")
    axes = figure.subplots()
    shades = axes.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto", alpha=0.75)
    axes.set_xticks(range(len(across)), across, rotation=90)
    axes.set_yticks(range(len(down)), down)
    axes.spines[:].set_visible(False)
    for row, column in np.ndindex(*values.shape):
        value = float(values[row, column])
        # White on the darkest shades of either end only.
        ink = "white" if abs(value) > 0.85 else "black"
        axes.text(column, row, _number(value, 2), ha="center", va="center", fontsize=6.5, color=ink)
    figure.colorbar(shades, ax=axes, label=what, shrink=0.8)
    return figure


def _share(figure: Figure, across: str, up: str) -> None:
    figure.supxlabel(across, fontsize=9)
    figure.supylabel(up, fontsize=9)


def _legend(figure: Figure, tasks: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    if len(tasks) > 1:
        dots = [Line2D([], [], marker="o", linestyle="", color=_COLOURS[task], label=task) for task in tasks]
        figure.legend(handles=dots, loc="outside upper right", ncols=len(tasks), frameon=False, fontsize=8)


def _measure(rated: Rated) -> str:
    return (
        " / ".join(dict.fromkeys(rated.judged[name].measure for name in rated.datasets if name in rated.judged))
        or "MOS"
    )


def _alpha(n: int) -> float:
    return 0.35 if n > 1500 else 0.55 if n > 300 else 0.85


def _number(value: float, digits: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
