"""Simulated coverage of the 95 % intervals where images share source contents.

    python docs/simulations/coverage.py > docs/simulations/coverage.md

Scores and opinions are normal with correlation 0.6. Opinions, and what the scores add to them, each have the
same intraclass correlation within a content. The true SRCC is 6/π·asin(r/2), the true KRCC 2/π·asin(r).
"""

from __future__ import annotations

import argparse
import math
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from iqabench.stats.bootstrap import cluster_bootstrap
from iqabench.stats.intervals import bonett_wright, fisher, kendall
from iqabench.stats.resampling import Statistic

R = 0.6
TRUTH: dict[Statistic, float] = {
    "plcc": R,
    "srcc": 6 / math.pi * math.asin(R / 2),
    "krcc": 2 / math.pi * math.asin(R),
}
CLOSED = {"plcc": fisher, "srcc": bonett_wright, "krcc": kendall}
METHODS = ("bca", "percentile", "closed form")


def clustered(
    rng: np.random.Generator, contents: int, images: int, icc: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, opinions and contents of ``contents`` × ``images`` images."""

    def normal() -> np.ndarray:
        shared = rng.normal(size=contents).repeat(images)
        return math.sqrt(icc) * shared + math.sqrt(1 - icc) * rng.normal(size=contents * images)

    mos, other = normal(), normal()
    return R * mos + math.sqrt(1 - R * R) * other, mos, np.arange(contents).repeat(images)


def hits(task: tuple[float, int, int, int, int, int]) -> np.ndarray:
    """How often each method's interval held the truth (statistics, methods)."""
    icc, first, last, contents, images, resamples = task
    count = np.zeros((len(TRUTH), len(METHODS)), dtype=int)
    for run in range(first, last):
        scores, mos, codes = clustered(np.random.default_rng([run, int(100 * icc)]), contents, images, icc)
        for row, (statistic, truth) in enumerate(TRUTH.items()):
            boot = cluster_bootstrap(statistic, scores, mos, codes, resamples=resamples, seed=run)
            intervals = (
                boot.interval(0, method="bca"),
                boot.interval(0, method="percentile"),
                CLOSED[statistic](float(boot.estimate[0]), scores.size),
            )
            count[row] += [truth in interval for interval in intervals]
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--contents", type=int, default=200)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--resamples", type=int, default=999)
    given = parser.parse_args()
    step = max(1, given.runs // 8)
    shape = (given.contents, given.images, given.resamples)
    lines = [
        "# Coverage of the 95 % intervals",
        "",
        f"{given.runs} runs, {given.contents} contents × {given.images} images, {given.resamples} resamples, "
        f"true PLCC {R}; made by `coverage.py` beside this file. The standard error of each figure is "
        f"{100 * math.sqrt(0.95 * 0.05 / given.runs):.1f} points.",
        "",
        "| content ICC | statistic | cluster BCa | cluster percentile | closed form (independent images) |",
        "|---|---|---|---|---|",
    ]
    with ProcessPoolExecutor() as pool:
        for icc in (0.0, 0.25, 0.5):
            tasks = [(icc, at, min(at + step, given.runs), *shape) for at in range(0, given.runs, step)]
            share = 100 * np.sum(list(pool.map(hits, tasks)), axis=0) / given.runs
            lines += [
                f"| {icc:g} | {statistic.upper()} | " + " | ".join(f"{v:.1f} %" for v in row) + " |"
                for statistic, row in zip(TRUTH, share, strict=True)
            ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
