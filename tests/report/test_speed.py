"""22 scorers × 4,800 images × 17 groups: all correlations with fits, beside plain loops over scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from iqabench.report.conclusions import conclude
from iqabench.report.groups import groups
from iqabench.report.opinions import Rated


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    photo = np.repeat(np.arange(400), 12)
    cell = np.tile(np.arange(12), 400)
    quality = rng.normal(size=4800) + rng.normal(size=400)[photo]
    task = np.array(["sr", "lle", "dn"])[cell // 4]
    images = Rated(
        images=pd.DataFrame({"dataset": "auiqa", "task": task, "enhancer": [f"e{c:02}" for c in cell]}),
        scores={f"s{k}": quality * (0.3 + k / 30) + rng.normal(size=4800) for k in range(22)},
        mos=np.round((np.clip(quality, -2, 2) + 3) * 5) / 5,
        contents=photo.astype(object),
        higher_is_better={f"s{k}": True for k in range(22)},
    )
    return images, groups(images, ("enhancer", "type"), random=1600)


METRICS = ("plcc", "srcc", "krcc", "rmse")


def test_conclude(benchmark, study):
    found = benchmark.pedantic(lambda: conclude(*study, metrics=METRICS, mappings=["logistic4"], resamples=0), rounds=3)
    assert len(found.table) == 22 * 17 * 6


def test_plain_scipy(benchmark, study):
    images, grouped = study

    def logistic(x, a, b, c, d):
        return (a - b) / (1 + np.exp(-(x - c) / d)) + b

    def loop():
        count = 0
        for group in grouped:
            for scores in images.scores.values():
                x, y = scores[group.parts[0]], images.mos[group.parts[0]]
                stats.pearsonr(x, y), stats.spearmanr(x, y), stats.kendalltau(x, y)
                start = (y.max(), y.min(), x.mean(), x.std() / 4)
                optimize.curve_fit(logistic, x, y, start, maxfev=20_000)
                count += 1
        return count

    assert benchmark.pedantic(loop, rounds=1) == 22 * 17
