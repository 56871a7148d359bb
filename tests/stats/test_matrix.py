"""The whole matrix, and that the package can be used alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from iqabench.errors import UsageError
from iqabench.stats.correlation import plcc, srcc
from iqabench.stats.matrix import Opinions, correlate


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    contents = np.arange(40).repeat(6)
    mos = rng.normal(size=40)[contents] + rng.normal(size=240)
    good = mos + rng.normal(size=240)
    distance = -mos + 2 * rng.normal(size=240)
    distance[[3, 9]] = np.nan
    subsets = {"all": np.ones(240, dtype=bool), "first": np.arange(240) % 6 == 0}
    opinions = Opinions(mos=mos, ci95=np.full(240, 0.3), contents=contents)
    return {"good": good, "distance": distance}, opinions, subsets


def test_cells_hold_what_the_functions_give(study):
    scores, opinions, subsets = study
    found = correlate(scores, opinions, higher_is_better={"distance": False}, subsets=subsets)
    assert set(found.cells) == {(s, g) for s in scores for g in subsets}
    cell = found.cells["distance", "all"]
    assert cell.plcc == plcc(scores["distance"], opinions.mos, higher_is_better=False)
    assert cell.srcc == srcc(scores["distance"], opinions.mos, higher_is_better=False)
    assert (cell.srcc.n, cell.srcc.total) == (238, 240)
    assert cell.plcc.value > 0
    assert set(cell.mapped) == {"logistic4", "logistic5", "cubic"}
    mapped = cell.mapped["logistic4"]
    assert mapped.plcc.value >= cell.plcc.value
    assert mapped.rmse_star.value < mapped.rmse.value
    assert found.cells["good", "all"].within.estimate.value > 0
    assert found.cells["good", "first"].within is None


def test_intervals_come_for_every_statistic(study):
    scores, opinions, subsets = study
    found = correlate(
        scores,
        opinions,
        higher_is_better={"distance": False},
        subsets=subsets,
        mappings=("logistic4",),
        bootstrapped=("plcc", "srcc", "krcc", "rmse"),
        resamples=300,
    )
    cell = found.cells["distance", "all"]
    assert set(cell.intervals) == {"plcc", "srcc", "krcc", "rmse", "within"}
    for name, value in (
        ("plcc", cell.plcc.value),
        ("srcc", cell.srcc.value),
        ("krcc", cell.krcc.value),
        ("rmse", cell.mapped["logistic4"].rmse.value),
        ("within", cell.within.estimate.value),
    ):
        assert value in cell.intervals[name], name
    assert found.resamples["srcc", "first"].resampled.shape == (300, 2)


def test_what_does_not_pair_up_is_refused(study):
    scores, opinions, _ = study
    with pytest.raises(UsageError, match="'nosuch'"):
        correlate(scores, opinions, higher_is_better={"nosuch": False})
    with pytest.raises(UsageError, match="subset 'half'"):
        correlate(scores, opinions, subsets={"half": np.ones(120, dtype=bool)})
    with pytest.raises(UsageError, match="good has shape"):
        correlate({"good": [1, 2, 3]}, opinions)


def test_usable_alone_without_torch():
    code = (
        "import sys, iqabench.stats as s; assert 'numpy' not in sys.modules; "
        "assert s.srcc([1,2,3,4],[1.2,1.9,3.5,3.4]).value > 0.79; "
        "[getattr(s, n) for n in s.__all__]; "
        "assert not {'torch', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
