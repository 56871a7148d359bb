"""A run folder with opinions, shown in groups and in the paper's layout."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from iqabench.api import open_run
from iqabench.cli.show import paper_sheets
from iqabench.report.auiqa import published
from iqabench.report.table import write_table

CELLS = {
    "sr": ("diffbir", "osediff", "pasd", "supir"),
    "lle": ("glare", "lightendiff", "nerco", "quadprior"),
    "dn": ("diffbir", "maskdn", "pasd", "supir"),
}


@pytest.fixture
def run(tmp_path, long_table):
    """150 photos by twelve enhancers, scored by a scorer of the paper's, trained on the photos, and by another."""
    rng = np.random.default_rng(0)
    images = pd.DataFrame(
        [
            {
                "dataset": "auiqa",
                "item": f"{task}/{name}/{photo:03}.png",
                "source": f"{photo:03}",
                "enhancer": f"{task}.{name}",
                "task": task,
                "image": f"data/{task}/{name}/{photo:03}.png",
            }
            for task, names in CELLS.items()
            for name in names
            for photo in range(150)
        ]
    )
    quality = rng.normal(size=len(images)) + rng.normal(size=150)[images["source"].astype(int)]
    images["mos"] = np.clip(np.round((3 + quality) * 5) / 5, 1, 5)
    scores = {
        "ugc.topiq": quality + rng.normal(size=len(images)),
        "ugc.liqe[crop=7]": quality + 2 * rng.normal(size=len(images)),
        "nr.niqe": -quality + rng.normal(size=len(images)),
    }
    scores["nr.niqe"][:5] = np.nan
    write_table(tmp_path, "scores", long_table(images, scores))
    write_table(tmp_path, "images", images.assign(degrader="", status="done", reason=""))
    models = {
        "ugc.topiq": {"higher_is_better": True, "training_data": ["ImageNet", "KonIQ-10k"]},
        "ugc.liqe[crop=7]": {"higher_is_better": True, "training_data": []},
        "nr.niqe": {"higher_is_better": False, "training_data": []},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"models": models}))
    (tmp_path / "study.toml").write_text('dataset = ["auiqa:data"]\n')
    return tmp_path


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_by_enhancer_and_type(iqabench, run):
    ended = iqabench("show", run, "--by", "enhancer,type", "--metric", "srcc", "--resamples", 100, "--format", "csv")
    assert ended.code == 1  # five scores of the run are missing, and the command says so as `run` did
    table = rows(ended.out)
    expected = [f"{task}.{name}" for task, names in CELLS.items() for name in names]
    assert list(dict.fromkeys(row["group"] for row in table)) == [*expected, *CELLS, "all"]
    niqe = [row for row in table if row["scorer"] == "nr.niqe"]
    assert all(float(row["value"]) > 0.5 for row in niqe)
    assert [(row["n"], row["N"]) for row in niqe if row["group"] in ("sr.diffbir", "lle", "all")] == [
        ("145", "150"), ("600", "600"), ("1795", "1800"),
    ]  # fmt: skip
    assert {row["trained_on"] for row in table if row["scorer"] == "ugc.topiq"} == {"KonIQ-10k"}


def test_a_suite_is_a_layout(iqabench, run):
    printed = [iqabench("show", run, option, "au-iqa", "--resamples", 50).out for option in ("--suite", "--layout")]
    assert printed[0] == printed[1]
    assert "paper 0.541" in printed[0]


def test_the_suite_of_the_scorers_has_the_same_layout(iqabench, run):
    printed = [iqabench("show", run, "--suite", suite, "--resamples", 50).out for suite in ("au-iqa", "au-iqa-scorers")]
    assert printed[0] == printed[1]


def test_the_scorers_on_images_that_nobody_enhanced(iqabench, run):
    """The types and the enhancers are left out: those columns have the paper's figure alone."""
    table = pd.read_parquet(run / "scores.parquet").assign(dataset="koniq10k", enhancer="", task="")
    write_table(run, "scores", table)
    (run / "study.toml").write_text('dataset = ["koniq10k:data"]\nsuite = "au-iqa-scorers"\n')
    shown = ("show", run, "--resamples", 50, "--suite")
    found = rows(iqabench(*shown, "au-iqa-scorers", "--format", "csv").out)
    assert list(dict.fromkeys(row["group"] for row in found)) == ["random-1600", "all"]
    printed = iqabench(*shown, "au-iqa-scorers").out
    assert "paper 0.541" in printed
    assert "these images were not read as that dataset" in printed
    assert len(paper_sheets(open_run(run), resamples=50)) == 2
    ended = iqabench(*shown, "au-iqa")
    assert (ended.code, "Nothing here says the enhancer" in ended.err) == (2, True)


def test_the_papers_layout(iqabench, run):
    table = rows(iqabench("show", run, "--layout", "au-iqa", "--resamples", 50, "--format", "csv").out)
    paper = {(row["scorer"], row["subset"]): row for row in published().to_dict("records")}
    found = {(row["scorer"], row["group"], row["metric"]): row for row in table}
    for subset, group in (("sr", "sr"), ("lle", "lle"), ("dn", "dn"), ("random1600", "random-1600"), ("all", "all")):
        row = found["ugc.topiq", group, "plcc"]
        assert float(row["published"]) == paper["ugc.topiq", subset]["plcc"]
        assert float(row["difference"]) == pytest.approx(float(row["value"]) - float(row["published"]))
        # Another variant of a model is that model where it is the only one.
        assert float(found["ugc.liqe[crop=7]", group, "srcc"]["published"]) == paper["ugc.liqe", subset]["srcc"]
        assert found["nr.niqe", group, "plcc"]["published"] == ""
    assert found["ugc.topiq", "random-1600", "plcc"]["N"] == "1600"
    assert found["ugc.topiq", "sr.pasd", "plcc"]["published"] == ""


def test_the_papers_layout_in_the_terminal(iqabench, run):
    printed = iqabench("show", run, "--layout", "au-iqa", "--resamples", 50).out
    assert "paper 0.541" in printed
    assert "mixed.qwen2vl-levels" in printed  # not run here: the paper's figure stands alone
    assert "Random-1600" in printed
    assert "doi:10.1145/3746027.3758213" in printed
    assert "† ugc.topiq was trained on photos that it judges here: KonIQ-10k." in printed
    assert "1795/1800" in printed


def test_the_matrices_stay(iqabench, run):
    assert "mean score" in iqabench("show", run).out
    assert "sr.diffbir" in iqabench("show", run, "--format", "html").out
    assert len(rows(iqabench("show", run, "--format", "csv").out)) == 12


def test_opinions_from_a_file(iqabench, run, tmp_path):
    names = [f"data/sr/pasd/{photo:03}.png" for photo in range(40)]
    rated = pd.DataFrame({"image": names, "mos": np.arange(40.0)})
    rated.to_csv(tmp_path / "own.csv", index=False)
    table = rows(iqabench("show", run, "--mos", tmp_path / "own.csv", "--resamples", 0, "--format", "csv").out)
    assert {(row["group"], row["N"]) for row in table} == {("all", "40")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--by", "degrader"), "Nothing here says the degrader"),
        (("--by", "enhancers"), "Did you mean enhancer"),
        (("--metric", "mos"), "'mos' is no metric"),
        (("--layout", "au-iqa", "--by", "type"), "its own groups"),
        (("--random", "99999"), "99999 of 1800"),
        (("--mos", "none.csv"), "no such file"),
        (("--pairs", "steiger"), "independent images"),
    ],
)
def test_errors(iqabench, run, options, message):
    ended = iqabench("show", run, *options)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_run_without_opinions(iqabench, run):
    table = pd.read_parquet(run / "scores.parquet").assign(mos=np.nan)
    write_table(run, "scores", table)
    ended = iqabench("show", run, "--by", "type")
    assert ended.code == 2
    assert "No image of this run has an opinion score" in ended.err
