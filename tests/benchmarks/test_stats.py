"""How fast the statistics are: the sizes of AU-IQA, and plain scipy loops on a smaller size beside them.

    pytest tests/benchmarks/test_stats.py --benchmark-only

``extra_info`` holds what a ratio needs: the same work done plainly, in seconds.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import curve_fit
from scipy.special import expit

from iqabench.stats.bootstrap import cluster_bootstrap
from iqabench.stats.krasula import krasula_analysis
from iqabench.stats.mapping import fit
from iqabench.stats.matrix import Opinions, correlate
from iqabench.stats.resampling import draw, resample

CONTENTS, VERSIONS, SCORERS = 400, 12, 22


@pytest.fixture(scope="module")
def study():
    """22 scorers on 400 contents × 12 versions, and the 17 subsets of the paper's tables."""
    rng = np.random.default_rng(0)
    n = CONTENTS * VERSIONS
    contents, version = np.arange(CONTENTS).repeat(VERSIONS), np.tile(np.arange(VERSIONS), CONTENTS)
    mos = np.round((3 + 0.5 * rng.normal(size=CONTENTS)[contents] + 0.7 * rng.normal(size=n)) * 5) / 5
    scores = {f"s{i}": np.tanh(mos / 3 + rng.normal(size=n) * rng.uniform(0.2, 1)) for i in range(SCORERS)}
    subsets = {f"enhancer{k}": version == k for k in range(VERSIONS)}
    subsets |= {task: version // 4 == k for k, task in enumerate(("sr", "lle", "dn"))}
    subsets |= {"random": rng.permutation(n) < 1600, "all": np.ones(n, dtype=bool)}
    return scores, mos, contents, subsets


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.parametrize("mapping", ["logistic4", "logistic5", "cubic"])
def test_fit_at_4800(benchmark, study, mapping):
    scores, mos, _, _ = study
    x = scores["s0"]
    if mapping == "logistic4":
        start = [mos.max(), mos.min(), x.mean(), x.std() / 4]

        def plain():
            curve_fit(lambda x, a, b, c, d: (a - b) * expit((x - c) / abs(d)) + b, x, mos, p0=start, maxfev=20_000)

        benchmark.extra_info["scipy curve_fit, one start"] = seconds(plain)
    benchmark(fit, mapping, x, mos)


def test_matrix_with_all_fits(benchmark, study):
    """Target: 3 s."""
    scores, mos, _, subsets = study
    benchmark.pedantic(correlate, (scores, Opinions(mos=mos)), {"subsets": subsets}, rounds=2)


@pytest.mark.parametrize("statistic", ["plcc", "srcc", "krcc", "rmse"])
def test_10000_cluster_replicates_of_17_subsets(benchmark, study, statistic):
    """Target: the four together in 60 s on two cores."""
    scores, mos, contents, subsets = study
    table = np.stack(list(scores.values()), axis=1)
    plain = {"plcc": stats.pearsonr, "srcc": stats.spearmanr, "krcc": stats.kendalltau}.get(statistic)

    def all_subsets():
        for mask in subsets.values():
            cluster_bootstrap(statistic, table[mask], mos[mask], contents[mask], resamples=10_000)

    if plain:
        rng = np.random.default_rng(0)

        def loop():
            for _ in range(20):
                drawn = (rng.integers(0, CONTENTS, CONTENTS)[:, None] * VERSIONS + np.arange(VERSIONS)).ravel()
                plain(table[drawn, 0], mos[drawn])

        per_replicate = seconds(loop) / 20
        images = sum(int(mask.sum()) for mask in subsets.values())
        benchmark.extra_info["plain loop, s (from 20 replicates)"] = (
            per_replicate * 10_000 * SCORERS * images / mos.size
        )
    benchmark.pedantic(all_subsets, rounds=1)


def test_resampling_small_beside_a_plain_loop(benchmark):
    """A reduced size where the plain loop can be run whole."""
    rng = np.random.default_rng(0)
    contents = np.arange(50).repeat(12)
    mos = rng.normal(size=600)
    scores = mos[:, None] + rng.normal(size=(600, 4))
    counts = draw(50, 200, seed=0)

    def loop():
        for count in counts.astype(int):
            rows = np.concatenate([np.flatnonzero(contents == c).repeat(k) for c, k in enumerate(count)])
            for column in scores.T:
                stats.spearmanr(column[rows], mos[rows])

    benchmark.extra_info["plain loop, s"] = seconds(loop)
    benchmark(resample, "srcc", scores, mos, contents, counts)


def test_krasula_all_pairs(benchmark, study):
    """Target: 60 s on two cores, 11.5 million pairs × 22 scorers."""
    scores, mos, contents, _ = study
    table = np.stack(list(scores.values()), axis=1)
    benchmark.pedantic(krasula_analysis, (table, mos, 0.7, 5), {"contents": contents}, rounds=1)
