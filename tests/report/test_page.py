"""What the report's page is made of: intervals, percentiles, bins, pictures that fit, names that cannot break out."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from iqabench.errors import UsageError
from iqabench.report.groups import groups
from iqabench.report.judged import Judged
from iqabench.report.opinions import Rated
from iqabench.report.page.agreement import agreement, shade
from iqabench.report.page.build import Look, Run, build
from iqabench.report.page.disagreement import disagreements, percentiles
from iqabench.report.page.histograms import histograms
from iqabench.report.page.matrices import mean_interval, score_matrix
from iqabench.report.page.pictures import Album
from iqabench.report.page.wide import wide
from iqabench.report.table import read_table

from .runs import pictures, rated_run

MODELS = {"a": {"higher_is_better": True}, "b": {"higher_is_better": False}}


def tables(rows, scores):
    """Tables of images (dataset, item, degrader, enhancer, image) and of scores by (scorer, row)."""
    images = pd.DataFrame(rows, columns=["dataset", "item", "degrader", "enhancer", "image"])
    images = images.assign(status="done", reason="")
    fixed = {"task": "", "mos": np.nan}
    table = [
        {
            **images.iloc[row].to_dict(),
            **fixed,
            "source": images["item"][row],
            "scorer": scorer,
            "score": score,
            "status": "failed" if np.isnan(score) else "done",
            "reason": "broken" if np.isnan(score) else "",
        }
        for (scorer, row), score in scores.items()
    ]
    return pd.DataFrame(table), images


def test_a_table_with_a_row_an_image():
    rows = [("", "p", "", "", "p.png"), ("", "p", "lr", "", "p1.png"), ("", "p", "lr", "sr.x", "p2.png")]
    scores, images = tables(rows, {("b", 1): 3.0, ("b", 2): np.nan, ("a", 2): 1.0})
    found = wide(scores, images, MODELS)
    assert found.scorers == ("b", "a")
    np.testing.assert_array_equal(found.scores, [[np.nan, np.nan], [3, np.nan], [np.nan, 1]])
    np.testing.assert_array_equal(found.planned, [[False, False], [True, False], [True, True]])
    np.testing.assert_array_equal(found.better()[1], [-3, np.nan])
    # The original was scored by nobody, and yet is of the same photo.
    assert set(found.contents()) == {":p"}


def test_the_interval_of_a_mean_knows_whose_images_are_whose():
    rng = np.random.default_rng(0)
    values = rng.normal(size=40)
    mean, half = mean_interval(values, np.arange(40), 0.95)
    low, high = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert (mean - half, mean + half) == (pytest.approx(low), pytest.approx(high))
    # Copies of an image are no further evidence.
    again, wide_half = mean_interval(np.repeat(values, 3), np.repeat(np.arange(40), 3), 0.95)
    assert (again, wide_half) == (pytest.approx(mean), pytest.approx(half))
    assert np.isnan(mean_interval(values, np.zeros(40, dtype=int), 0.95)[1])


def test_the_matrix_marks_the_best_enhancer_in_the_scorers_own_direction():
    rows = [("", item, "noise", enhancer, "") for item in "pq" for enhancer in ("", "dn.x", "dn.y")]
    values = [9, 1, 2, 9, 3, np.nan]
    scores, images = tables(rows, {(s, row): v for s in "ab" for row, v in enumerate(values)})
    sheet = score_matrix(wide(scores, images, MODELS))
    assert [row.labels for row in sheet.rows] == [("noise", "(none)"), ("noise", "dn.x"), ("noise", "dn.y")]
    # The means are 2 and 2: whichever way a scorer runs, both are the best; what was not enhanced does not compete.
    assert [[entry.mark for entry in row.entries] for row in sheet.rows] == [
        ["", ""],
        ["best", "best"],
        ["best", "best"],
    ]
    assert [entry.alarm for entry in sheet.rows[2].entries] == [True, True]
    assert sheet.rows[2].entries[0].below.endswith("1/2")


def test_percentiles_are_among_the_same_dataset():
    values = np.array([1.0, 2, 3, np.nan, 50, 10])
    np.testing.assert_allclose(
        percentiles(values, np.array([0, 0, 0, 0, 1, 1])), [100 / 6, 50, 500 / 6, np.nan, 75, 25]
    )


def test_disagreement_with_people_and_without_them():
    rows = [("", f"{at}", "", "", "") for at in range(5)]
    a, b = [1.0, 2, 3, 4, 5], [-1.0, -2, -3, -5, -4]
    scores, images = tables(rows, {**{("a", at): a[at] for at in range(5)}, **{("b", at): b[at] for at in range(5)}})
    table, one_part = wide(scores, images, MODELS), np.zeros(5, dtype=int)
    first, second = disagreements(table, np.array([5.0, 2, 3, 4, np.nan]), one_part, 1)
    # Among the four that people judged, a puts the image 0 last, which they put first.
    assert (first.kind, first.harsh) == ((1,), (0,))
    assert second.harsh == (0,)
    assert np.isnan(first.own[4])
    alone = disagreements(table, np.full(5, np.nan), one_part, 5)
    assert (alone[0].kind, alone[0].harsh) == ((4,), (3,))
    assert alone[1].kind == (3,)


def rating(mos, **more):
    images = pd.DataFrame({"dataset": "d", "item": [f"{at}" for at in range(len(mos))], "enhancer": "", "task": ""})
    return Rated(images=images, scores={}, mos=np.array(mos), contents=None, higher_is_better={}, **more)


def test_bins_hold_whole_steps_of_a_mean_of_votes():
    judged = {"d": Judged(mos_range=(1, 5))}
    rated = rating([1.2, 1.4, 3.0, 4.8, 5.0], judged=judged)
    (found,) = histograms(rated, groups(rated))
    assert (found.low, found.high) == (1, 5)
    np.testing.assert_allclose(np.diff(found.edges), 0.2)
    assert found.edges[0] == pytest.approx(0.9)
    assert found.shares.sum() == pytest.approx(1)
    smooth = rating(np.linspace(0, 90, 400) ** 1.01, judged={"d": Judged(mos_range=(0, 100))})
    (found,) = histograms(smooth, groups(smooth))
    assert (found.edges[0], found.edges[-1], found.edges.size) == (0, 100, 25)


def test_agreement_between_scorers_is_oriented_and_puts_people_first():
    rows = [("", f"{at}", "", "", "") for at in range(6)]
    up = [1.0, 2, 3, 4, 5, 6]
    scores, images = tables(rows, {**{("b", at): -up[at] for at in range(6)}, **{("a", at): up[at] for at in range(4)}})
    table = wide(scores, images, MODELS)
    found = agreement(table, np.array([6.0, 5, 4, 3, 2, 1]))
    assert found.labels[0] == "people"
    np.testing.assert_allclose(found.srcc[0], [1, -1, -1])
    assert found.srcc[1, 2] == pytest.approx(1)
    assert agreement(table, np.full(6, np.nan)).labels == ("b", "a")
    assert [shade(value) for value in (1, -0.26, 0.02, np.nan)] == ["p10", "n3", "p0", "none"]


def test_an_album_takes_what_fits_and_says_what_is_not_there(tmp_path):
    files = pictures(tmp_path / "base", 3, size=(96, 72))
    image = {"status": "done", "reason": ""}
    album = Album(tmp_path, 6000)
    assert album.add(0, pd.Series({**image, "image": str(files[0])}), width=48)
    assert album.pictures[0].startswith("data:image/webp;base64,")
    assert album.add(1, pd.Series({**image, "image": "gone.png"}), width=48)
    assert "not there any more" in album.missing[1]
    assert album.add(2, pd.Series({"status": "failed", "reason": "out of memory", "image": "x.png"}), width=48)
    assert album.missing[2] == "out of memory"
    album.room = album.used + 10
    assert not album.add(3, pd.Series({**image, "image": str(files[1])}), width=48)
    album.remove(0)
    assert album.used == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = rated_run(tmp_path_factory.mktemp("run"), contents=4, scorers=3, kinds=2)
    manifest = json.loads((folder / "manifest.json").read_text())
    scores = read_table(folder, "scores").assign(mos=np.nan)
    return Run(folder=folder, scores=scores, images=read_table(folder, "images"), manifest=manifest)


def test_a_page_holds_its_size(run):
    small = build(run, None, Look(size=120_000))
    assert len(small.encode()) <= 120_000
    assert "data:image/webp" in small
    larger = build(run, None, Look(size=5_000_000, photos=2))
    assert len(json.loads(embedded(larger, "data"))["photos"]) == 2
    with pytest.raises(UsageError, match="without any picture"):
        build(run, None, Look(size=10_000))


def embedded(page: str, name: str) -> str:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return found.group(1)


def test_nothing_in_the_page_points_elsewhere(run):
    page = build(run, None, Look(title="</script><script>alert(1)</script>"))
    assert not re.search(r"""(src|href)=["']?(?!data:|#)[^"'\s>]""", page.replace("<img id", ""))
    assert "default-src 'none'" in page
    assert page.count("<script") == 3


def test_the_command_makes_a_page_of_a_run_without_opinions(iqabench, tmp_path):
    folder = rated_run(tmp_path, contents=3, scorers=2, kinds=1)
    from iqabench.report.table import write_table

    write_table(folder, "scores", read_table(folder, "scores").assign(mos=np.nan))
    ended = iqabench("report", folder, "--out", tmp_path / "page.html")
    assert ended.code == 1  # three scores are missing, as `show` says too
    assert "page.html" in ended.out
    page = (tmp_path / "page.html").read_text()
    assert "No image of this run has an opinion score" in page
    assert 'id="scatter"' not in page
    refused = iqabench("report", folder, "--metric", "srcc")
    assert refused.code == 2
    assert "--mos" in refused.err
