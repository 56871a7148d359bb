"""The commands as a user meets them: figures, formats, and errors of one sentence."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy import stats


@pytest.fixture
def scores(tmp_path):
    """Forty images of ten photos; psnr agrees, niqe agrees downwards, one score is missing."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=40)
    frame = pd.DataFrame(
        {
            "image": [f"{i:02}.png" for i in range(40)],
            "photo": np.repeat([f"p{i}" for i in range(10)], 4),
            "kind": ["sr", "dn"] * 20,
            "mos": np.round(3 + quality, 2),
            "psnr": quality + rng.normal(size=40),
            "niqe": 5 - quality + rng.normal(size=40),
        }
    )
    frame.loc[3, "psnr"] = np.nan
    path = tmp_path / "scores.csv"
    frame.to_csv(path, index=False)
    return path, frame


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_correlate_as_csv(iqabench, scores):
    path, frame = scores
    ended = iqabench(
        "correlate", path, "--lower-better", "niqe", "--source", "photo", "--group", "kind", "--format", "csv"
    )
    assert ended.code == 0, ended.err
    table = read(ended.out)
    assert {(row["group"], row["metric"], row["scorer"]) for row in table} == {
        (group, metric, scorer)
        for group in ("dn", "sr", "all")
        for metric in ("plcc", "srcc", "krcc")
        for scorer in ("psnr", "niqe")
    }
    row = next(r for r in table if (r["group"], r["metric"], r["scorer"]) == ("all", "srcc", "niqe"))
    assert float(row["value"]) == pytest.approx(-stats.spearmanr(frame["niqe"], frame["mos"]).statistic)
    assert float(row["low"]) < float(row["value"]) < float(row["high"])
    row = next(r for r in table if (r["group"], r["metric"], r["scorer"]) == ("all", "krcc", "psnr"))
    kept = frame.dropna()
    assert float(row["value"]) == pytest.approx(stats.kendalltau(kept["psnr"], kept["mos"]).statistic)
    assert (row["n"], row["N"]) == ("39", "40")


def test_correlate_in_the_terminal(iqabench, scores):
    ended = iqabench("correlate", scores[0], "--metric", "plcc", "--mapping", "logistic4", "--lower-better", "niqe")
    assert "PLCC, raw" in ended.out
    assert "PLCC after the 4-parameter logistic" in ended.out
    assert "39/40" in ended.out
    assert "2000 bootstrap resamples of images" in ended.out


@pytest.mark.parametrize("form", ["md", "latex", "html", "json", "csv"])
def test_every_format_holds_the_same_figure(iqabench, scores, form):
    path, frame = scores
    ended = iqabench("correlate", path, "--metric", "srcc", "--score", "niqe", "--resamples", 0, "--format", form)
    expected = stats.spearmanr(frame["niqe"], frame["mos"]).statistic
    if form == "json":
        assert json.loads(ended.out)[0]["value"] == pytest.approx(expected)
    elif form == "csv":
        assert float(read(ended.out)[0]["value"]) == pytest.approx(expected)
    else:
        assert f"{expected:.3f}" in ended.out
        assert "40/40" in ended.out
    if form == "html":
        _Balanced().check(ended.out)


class _Balanced(HTMLParser):
    def check(self, page):
        self.stack = []
        self.feed(page)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


@pytest.mark.parametrize("test", ["bootstrap", "steiger", "williams", "meng"])
def test_pairs(iqabench, scores, test):
    table = read(iqabench("correlate", scores[0], "--lower-better", "niqe", "--pairs", test, "--format", "csv").out)
    assert {row["metric"] for row in table} == ({"plcc", "srcc", "krcc"} if test == "bootstrap" else {"plcc", "srcc"})
    for row in table:
        assert (row["a"], row["b"], row["n"]) == ("psnr", "niqe", "39")
        assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])
        assert 0 < float(row["p"]) <= float(row["p_adjusted"]) <= 1


@pytest.mark.parametrize("test", ["morgan-pitman", "f"])
def test_pairs_by_their_errors(iqabench, scores, test):
    options = ("--metric", "rmse", "--mapping", "linear", "--lower-better", "niqe")
    table = read(iqabench("correlate", scores[0], *options, "--pairs", test, "--format", "csv").out)
    row = next(row for row in table if row["mapping"] == "linear")
    assert row["test"] == test
    assert 0 < float(row["p"]) <= 1


def test_steigers_test_needs_independent_images(iqabench, scores):
    ended = iqabench("correlate", scores[0], "--source", "photo", "--pairs", "steiger")
    assert ended.code == 2
    assert "independent images" in ended.err


ERRORS = [
    (("correlate", "none.csv"), "there is no such file"),
    (("correlate", "SCORES", "--mos", "dmos"), "no column 'dmos'"),
    (("correlate", "SCORES", "--score", "pnsr"), "Did you mean psnr"),
    (("correlate", "SCORES", "--score", "image"), "Line 2: '00.png' in column 'image' is no number"),
    (("correlate", "SCORES", "--metric", "spearman"), "'spearman' is no metric"),
    (("correlate", "SCORES", "--mapping", "logistic"), "'logistic' is no mapping"),
    (("correlate", "SCORES", "--random", "41"), "41 of 40"),
    (("correlate", "SCORES", "--level", "2"), "level=2"),
    (("correlate", "SCORES", "--source", "photo", "--intervals", "closed"), "closed form"),
    (("mos", "none.csv"), "there is no such file"),
    (("mos", "SCORES"), "is no vote"),
    (("power", "--n", "many"), "'many' is no number of images"),
    (("power", "--n", "3"), "too few"),
    (("power", "--r", "1"), "|r| < 1"),
    (("power", "--icc", "2"), "0..1"),
    (("power", "--gain", "0.5"), "below 1"),
]


@pytest.mark.parametrize(("arguments", "message"), ERRORS, ids=[" ".join(e[0]) for e in ERRORS])
def test_errors_are_one_sentence(iqabench, scores, arguments, message):
    ended = iqabench(*(scores[0] if argument == "SCORES" else argument for argument in arguments))
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_an_empty_table(iqabench, tmp_path):
    (tmp_path / "empty.csv").write_text("image,mos,psnr\n")
    assert "holds no rows" in iqabench("correlate", tmp_path / "empty.csv").err
    (tmp_path / "nothing.csv").write_text("")
    assert iqabench("correlate", tmp_path / "nothing.csv").code == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_separator(iqabench, tmp_path, separator):
    rows = [["image", "mos", "a"], ["x", "1", "1"], ["y", "2", "3"], ["z", "3", "2"]]
    (tmp_path / "t.csv").write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8-sig")
    ended = iqabench("correlate", tmp_path / "t.csv", "--metric", "srcc", "--format", "csv")
    assert float(read(ended.out)[0]["value"]) == pytest.approx(0.5)


def test_a_name_cannot_reach_the_terminal(iqabench, tmp_path):
    (tmp_path / "t.csv").write_text("mos,\x1b[31mred|a\n1,1\n2,2\n3,4\n")
    assert "\x1b[31m" not in iqabench("correlate", tmp_path / "t.csv").out
    assert r"red\|a" in iqabench("correlate", tmp_path / "t.csv", "--format", "md").out


def test_power_falls_with_the_square_root(iqabench):
    table = read(iqabench("power", "--n", "400,1600,6400", "--format", "csv").out)
    found = [float(row["difference"]) for row in table]
    assert found[0] > found[1] > found[2]
    assert found[1] / found[2] == pytest.approx(2, rel=0.05)
    assert all(float(row["significant"]) < float(row["difference"]) for row in table)
    clustered = read(iqabench("power", "--n", "4800", "--per-photo", 12, "--icc", 0.25, "--format", "csv").out)
    assert float(clustered[0]["effective_n"]) == pytest.approx(4800 / (1 + 11 * 0.25))


def test_power_the_other_way_round(iqabench):
    gain = float(read(iqabench("power", "--n", 1000, "--format", "csv").out)[0]["difference"])
    needed = int(read(iqabench("power", "--gain", gain, "--format", "csv").out)[0]["n"])
    assert needed == pytest.approx(1000, abs=1)
    assert f"{needed} images" in iqabench("power", "--gain", gain).out


def test_figures_that_need_the_votes(iqabench, scores, tmp_path):
    path, frame = scores
    frame.assign(sd=0.6).to_csv(tmp_path / "votes.csv", index=False)
    options = ("--metric", "c0,auc-bw,rmse-star,outliers", "--score", "niqe", "--lower-better", "niqe")
    ended = iqabench("correlate", tmp_path / "votes.csv", *options, "--std", "sd", "--raters", 5, "--mapping", "linear")
    assert "C0 (share of differing pairs put in the right order)" in ended.out
    assert "pairs differ for people" in ended.out
    assert "needs the standard deviation" in iqabench("correlate", path, *options).err
    assert iqabench("correlate", tmp_path / "votes.csv", *options, "--std", "sd").code == 2


def test_the_commands_are_light_until_called():
    code = (
        "import sys, iqabench.cli.show, iqabench.cli.correlate, iqabench.cli.mos, iqabench.cli.power;"
        "heavy = {'numpy', 'pandas', 'scipy', 'torch', 'rich'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
