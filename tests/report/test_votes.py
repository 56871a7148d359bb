"""Votes in every form that people keep them in come to the same opinions."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from iqabench.errors import UsageError
from iqabench.report.mos import recover
from iqabench.report.votes import read_votes

# Three images, three raters; c has not seen y. Means 2, 4.5 and 4.
LONG = "rater,image,vote\na,x,1\nb,x,2\nc,x,3\na,y,4\nb,y,5\na,z,5\nb,z,5\nc,z,2\n"
FORMS = {
    "long.csv": LONG,
    "words.csv": LONG.replace("rater,image,vote", "Annotator,filename,Rating"),
    "wide.csv": "content_id,path,a,b,c\n0,x,1,2,3\n0,y,4,5,\n1,z,5,5,2\n",
    "matrix.csv": "1,2,3\n4,5,nan\n5,5,2\n",
    "sureal.json": json.dumps(
        {
            "dis_videos": [
                {"path": "x", "os": [1, 2, 3]},
                {"path": "y", "os": [4, 5, None]},
                {"path": "z", "os": {"1": 5, "2": 5, "3": [2]}},
            ]
        }
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_panel_in_every_form(iqabench, tmp_path, form):
    path = tmp_path / form
    path.write_text(FORMS[form])
    ended = iqabench("mos", path, "--format", "csv")
    assert ended.code == 0, ended.err
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [float(row["mos"]) for row in rows] == [2, 4.5, 4]
    assert [int(row["votes"]) for row in rows] == [3, 2, 3]
    # Student's t on 2 degrees of freedom is 4.3027, and s = 1.
    assert float(rows[0]["high"]) - 2 == pytest.approx(4.302653 / np.sqrt(3), abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "rater,image,vote\na,x,1\na,x,3\nb,x,4\na,y,5\nb,y,5\n",
        "image,a,b\nx,1|3,4\ny,5,5\n",
        "image,a,b\nx,1,4\ny,5,5\nx,3,\n",
        "1,4\n5,5\n,\n3,4\n5,5\n",
    ],
)
def test_repetitions_are_averaged_inside_a_rater(tmp_path, text):
    path = tmp_path / "v.csv"
    path.write_text(text)
    votes = read_votes(path)
    assert votes.table.tolist() == [[2, 4], [5, 5]]
    assert votes.repeats >= 1


def test_practice_does_not_count(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("rater,image,vote,kind\na,x,1,train\na,x,4,test\nb,x,5,test\na,q,1,dummy\n")
    votes = read_votes(path)
    assert (votes.stimuli, votes.table.tolist()) == (("x",), [[4, 5]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rater,image,vote\na,x,good\n", "Line 2: 'good'"),
        ("rater,image,vote\na,,3\n", "Line 2: the vote has no image"),
        ("rater,image,vote\na,x,\n", "no votes"),
        ("rater,vote\na,3\n", "which image"),
        ("image,comment\nx,fine\n", "nor a column a rater"),
        ("1,2\n3\n", "not of one size"),
        ("rater,image,vote\na,x,3\na,y,4\n", "One rater"),
    ],
)
def test_what_is_no_panel(iqabench, tmp_path, text, message):
    path = tmp_path / "v.csv"
    path.write_text(text)
    ended = iqabench("mos", path)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_json_that_is_none(tmp_path):
    path = tmp_path / "v.json"
    path.write_text('{"videos": []}')
    with pytest.raises(UsageError, match="not a SUREAL dataset"):
        read_votes(path)


@pytest.fixture
def panel(tmp_path):
    """Five raters, sixty images; one rater votes at random, and one image splits them."""
    rng = np.random.default_rng(0)
    quality = rng.uniform(1, 5, 60)
    table = np.clip(np.rint(quality[:, None] + rng.normal(0, 0.6, (60, 5))), 1, 5)
    table[:, 4] = rng.integers(1, 6, 60)
    table[7] = [1, 1, 1, 1, 5]
    path = tmp_path / "panel.csv"
    rows = [["image", *(f"r{i}" for i in range(1, 6))], *([f"i{at:02}", *row] for at, row in enumerate(table))]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


def test_five_raters(iqabench, panel):
    found = json.loads(iqabench("mos", panel, "--format", "json").out)
    assert [rater["rejected_by_bt500"] for rater in found["raters"]] == [False] * 5
    agreement = [rater["plcc_with_others"] for rater in found["raters"]]
    assert min(agreement) == agreement[4] < 0.4
    r = found["mean_inter_rater_plcc"]
    assert found["spearman_brown"] == pytest.approx(5 * r / (1 + 4 * r))
    assert found["noise_ceiling"] == pytest.approx(np.sqrt(found["spearman_brown"]))
    assert {"image": "i07", "distance": 4, "odd": {"r5": 5}} in found["to_check"]
    assert [one["distance"] for one in found["to_check"]] == sorted(
        (one["distance"] for one in found["to_check"]), reverse=True
    )
    assert any("cannot reject anybody" in notice for notice in found["notices"])
    assert any("5 raters: ITU-R BT.500 asks for 15" in notice for notice in found["notices"])


def test_the_terminal_says_what_the_panel_is_worth(iqabench, panel):
    printed = iqabench("mos", panel).out
    for words in ("Krippendorff's alpha", "ICC, agreement", "PLCC between raters", "To be labelled again", "i07"):
        assert words in printed


@pytest.mark.parametrize("method", ["plain", "bt500", "p913", "p910", "small-panel"])
def test_every_method_gives_an_interval_about_its_mos(panel, method):
    found = recover(read_votes(panel), method).table
    assert len(found) == 60
    assert (found["low"] <= found["mos"]).all()
    assert (found["mos"] <= found["high"]).all()
    assert found["mos"].between(0.5, 5.5).all()


def test_a_small_panel_gives_the_careless_rater_less_weight(panel):
    votes = read_votes(panel)
    found = recover(votes, "small-panel")
    assert found.raters.inconsistency[4] == max(found.raters.inconsistency)
    assert found.mos[7] < recover(votes, "plain").mos[7]


def test_out_is_what_correlate_and_show_read(iqabench, panel, tmp_path):
    ended = iqabench("mos", panel, "--out", tmp_path / "mos.csv")
    assert ended.code == 0
    with (tmp_path / "mos.csv").open() as file:
        assert next(csv.reader(file)) == ["image", "mos", "low", "high", "std", "votes"]
    assert "cannot be written" in iqabench("mos", panel, "--out", tmp_path / "no" / "mos.csv").err
