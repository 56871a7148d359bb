"""Charts as files: what they say, in every format, and the same bytes each time."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from .runs import rated_run

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return rated_run(tmp_path_factory.mktemp("run"), contents=12, scorers=3, kinds=2)


def words(svg):
    return " ".join(re.findall(r">([^<]+)</text>", svg.read_text()))


def test_scatter_says_each_scorers_figures_with_their_sign(iqabench, run, tmp_path):
    out = tmp_path / "sub" / "x.svg"
    assert iqabench("plot", "scatter", run, "--out", out, "--group", "sr").code == 0
    said = words(out)
    assert "ugc.scorer00, n=48 of 48" in said
    assert "aigc.scorer01, n=45 of 48" in said
    assert re.search(r"mixed\.scorer02, n=48 of 48.*PLCC -0\.", said)
    assert said.count("fitted") == 2  # no curve is fitted to a scorer that ranks backwards
    assert iqabench("plot", "scatter", run, "--out", out, "--iqa", "ugc.scorer00", "--mapping", "none").code == 0
    assert "fitted" not in words(out)
    assert "scorer01" not in words(out)


def test_histograms_have_a_panel_for_each_enhancer_and_type(iqabench, run, tmp_path):
    out = tmp_path / "x.svg"
    assert iqabench("plot", "hist", run, "--out", out).code == 0
    for label in ("sr.diffbir", "dn.supir", "lle", "all"):
        assert label in words(out)
    assert "n=144" in words(out)


def test_heat_maps_of_scorers_and_of_groups(iqabench, run, tmp_path):
    out = tmp_path / "x.svg"
    assert iqabench("plot", "heatmap", run, "--out", out).code == 0
    assert "people" in words(out)
    assert words(out).count("1.00") >= 4
    ended = iqabench("plot", "heatmap", run, "--out", out, "--of", "groups", "--by", "type", "--metric", "plcc")
    assert ended.code == 0
    assert "people" not in words(out)
    assert "PLCC" in words(out)


def test_the_grid_holds_the_pictures_themselves(iqabench, run, tmp_path):
    out = tmp_path / "x.png"
    assert iqabench("plot", "grid", run, "--out", out, "--rows", 2, "--tile", 64).code == 0
    again = tmp_path / "y.png"
    assert iqabench("grid", run, "--out", again, "--rows", 2, "--tile", 64).code == 0
    with Image.open(out) as ours, Image.open(again) as theirs:
        assert ours.size == theirs.size
        difference = np.asarray(ours.convert("RGB"), dtype=int) - np.asarray(theirs.convert("RGB"), dtype=int)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_every_format_and_the_same_bytes_each_time(iqabench, run, tmp_path, suffix):
    written = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.{suffix}"
        assert iqabench("plot", "heatmap", run, "--out", out).code == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix])


def test_what_cannot_be_drawn_is_said(iqabench, run, tmp_path):
    ended = iqabench("plot", "hist", run, "--out", tmp_path / "x.bmp")
    assert ended.code == 2
    assert ".png, .svg, .pdf" in ended.err
    ended = iqabench("plot", "scatter", run, "--out", tmp_path / "x.png", "--group", "sl")
    assert ended.code == 2
    assert "sr" in ended.err
    ended = iqabench("plot", "scatter", run, "--out", tmp_path / "x.png", "--iqa", "ugc.scorer0")
    assert "ugc.scorer00" in ended.err
