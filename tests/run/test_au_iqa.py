"""AU-IQA's scorers on a dataset in its layout, by the real command, on small checkpoints: the paper's Table 2."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from iqabench.catalogue import read_catalogue
from iqabench.datasets.auiqa.names import CELLS
from iqabench.images import to_pixels, write_png
from iqabench.report.auiqa import published
from iqabench.testing.images import natural, with_blur, with_noise

SCORERS = read_catalogue().suite("au-iqa-scorers").iqa
FULL_SIZE = ("ugc.arniqa", "ugc.hyperiqa", "ugc.liqe", "ugc.topiq")
"""Of these there are no small networks."""
STUMBLES = "mixed.llava16"
HEADINGS = {"SR": "sr", "LLE": "lle", "Denoising": "dn", "Random-1600": "random1600", "All": "all"}
SIZE = (224, 230)


def write_dataset(folder: Path, photos: int) -> int:
    """``photos`` photos by each of the twelve enhancers, in other lights, and the votes of five. Gives their number."""
    random = np.random.default_rng(4)  # by which no scorer gives all images one number
    lines = ["path," + ",".join(f"annotator{rater}" for rater in range(1, 6))]
    for photo, image in enumerate(natural(photos, *SIZE)):
        for task, enhancers in CELLS.items():
            for enhancer in enhancers:
                quality, light = random.random(), torch.from_numpy(random.random((3, 1, 1), dtype=np.float32))
                worse = enhanced(image[None], task, 1 - quality)[0] / 4 + 0.75 * light
                name = f"{task}/{enhancer}/{10_000_000 + photo}.png"
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                write_png(folder / name, to_pixels(worse))
                votes = np.clip(1 + 4 * quality + random.normal(0, 0.4, 5), 1, 5).round(1)
                lines.append(",".join([name, *map(str, votes)]))
    (folder / "MOS.csv").write_text("\n".join(lines))
    return len(lines) - 1


def enhanced(image: torch.Tensor, task: str, harm: float) -> torch.Tensor:
    if task == "sr":
        return with_blur(image, 0.3 + 2 * harm)
    return image * (1 - 0.7 * harm) if task == "lle" else with_noise(image, 50 * harm)


def make_stumble(weights: Path) -> None:
    """Where the model wrote a 1, it now writes a word."""
    path = weights / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["poor\n"] = vocabulary.pop("1.\n")
    path.write_text(json.dumps(tokenizer))


def table2(printed: str, metric: str) -> dict[str, dict[str, tuple[str, str]]]:
    """A scorer's two lines of text under each heading, as the terminal shows them."""
    lines = printed.partition(f"AU-IQA, Table 2: {metric.upper()}")[2].splitlines()[1:]
    cells = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in lines[: lines.index("")]]
    headings, *rows = filter(None, cells)
    assert headings == ["scorer", *HEADINGS]
    table: dict[str, dict[str, tuple[str, str]]] = {}
    for upper, lower in zip(rows, [*rows[1:], headings], strict=True):
        if upper[0]:
            below = [""] * len(upper) if lower[0] else lower  # a scorer that was not run has one line
            pairs = list(zip(upper[1:], below[1:], strict=True))
            table[upper[0].removesuffix(" †")] = dict(zip(HEADINGS, pairs, strict=True))
    return table


def check_table2(printed: str, rows: Sequence[dict[str, str]], run: Sequence[str], total: int) -> None:
    """All 22 rows, the paper's figures in all, and in those that were run ours, on as many images as have a score,
    or the reason why there is no figure."""
    paper = {(row["scorer"], row["subset"]): row for row in published().to_dict("records")}
    text = " ".join(printed.split())
    for metric in ("plcc", "srcc"):
        table = table2(printed, metric)
        ceiling = table.pop("noise ceiling", None)
        assert (ceiling is not None) == (metric == "plcc")
        assert sorted(table) == sorted(SCORERS)
        for scorer, columns in table.items():
            for heading, (upper, lower) in columns.items():
                subset = HEADINGS[heading]
                theirs = paper[scorer, subset][metric]
                assert f"paper {theirs:.3f}" in upper, (scorer, heading)
                scored = [row for row in rows if row["scorer"] == scorer and subset in (row["task"], "all")]
                done = {float(row["score"]) for row in scored if row["status"] == "done"}
                if scorer not in run or subset == "random1600":
                    assert (upper, lower) == (f"- paper {theirs:.3f}", ""), (scorer, heading)
                    continue
                count = sum(row["status"] == "done" for row in scored)
                assert lower.endswith(f"{count}/{total if subset == 'all' else total // 3}"), (scorer, heading)
                if len(done) > 1 and count > 2:
                    ours, difference = float(upper.split()[0]), float(upper.split()[-1])
                    assert -1 <= ours <= 1, (scorer, heading)
                    assert difference == pytest.approx(ours - theirs, abs=1.1e-3), (scorer, heading)
                else:
                    assert upper == f"- paper {theirs:.3f}", (scorer, heading)
                    reason = rf"No figure for [^:]*{scorer}[, ][^:]*\b{subset}\b[^:]*: "
                    assert re.search(reason, text), (scorer, heading)
            if scorer in run and scorer != STUMBLES:
                assert columns["All"][1] == f"{total}/{total}"
                assert re.match(r"-?[01]\.\d{3} ", columns["All"][0]), scorer


def run_and_show(lab, scorers: Sequence[str], photos: int) -> None:
    total = write_dataset(lab.root / "dataset", photos)
    weights = {scorer: lab.weights(scorer) for scorer in scorers}
    make_stumble(weights[STUMBLES])
    done = lab.command(
        "run", "--dataset", "auiqa:dataset", "--suite", "au-iqa-scorers", "--device", "cpu", "--out", "run",
        *([] if len(scorers) == len(SCORERS) else ["--iqa", ",".join(scorers)]),
        *(f"--weights={scorer}={folder}" for scorer, folder in weights.items()),
    )  # fmt: skip
    rows = lab.rows("run")
    assert len(rows) == total * len(scorers), done.stderr

    failed = [row for row in rows if row["status"] != "done"]
    assert {row["scorer"] for row in failed} == {STUMBLES}
    assert 0 < len(failed) < total
    assert all(re.search("its answer 'poor.*holds no number", row["reason"]) for row in failed)
    assert done.returncode == 1
    assert f"{len(failed)} of {len(rows)} scores failed" in done.stdout

    check_table2(done.stdout, rows, scorers, total)
    shown = lab.command("show", "run", "--suite", "au-iqa")
    check_table2(shown.stdout, rows, scorers, total)


def test_the_scorers_that_can_be_small(lab) -> None:
    """The paper's other rows are there without ours."""
    run_and_show(lab, [scorer for scorer in SCORERS if scorer not in FULL_SIZE], photos=1)


@pytest.mark.slow
def test_all_22_scorers(lab) -> None:
    assert len(SCORERS) == 22
    run_and_show(lab, SCORERS, photos=2)
