"""Published figures, reproduced through the commands from the reference data beside the checkout."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the reference data are not at {DATA}"),
]
VQMT = ("csiq", "IVC", "JPEGXR", "kadid10k", "LIVE2", "TID2013")


def at(path: str) -> Path:
    if not (DATA / path).exists():
        pytest.skip(f"{path} is not among the reference data")
    return DATA / path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("dataset", VQMT)
def test_vqmt_crossval(iqabench, dataset):
    file = at(f"vqmt_crossval/{dataset}.VQMT.csv")
    published = [row for row in rows(at("vqmt_crossval/published.csv").read_text()) if row["dataset"] == dataset]
    scorers = [word for row in published for word in ("--score", row["metric"])]
    options = ("--mos", published[0]["target"], "--resamples", 0, "--format", "csv")
    found = {
        (row["scorer"], row["metric"]): float(row["value"])
        for row in rows(iqabench("correlate", file, *scorers, *options).out)
    }
    for row in published:
        for metric, column in (("plcc", "plcc"), ("srcc", "srocc"), ("krcc", "krocc")):
            assert abs(found[row["metric"], metric] - float(row[column])) <= 0.0005 + 1e-9


def test_tid2013_in_seven_figures(iqabench):
    # PSNR: .6601 / .6869 / .4958 (pyiqa's table). GMSD: SROCC .8044, KROCC .6339 (TIP 2014), logistic PLCC .8589.
    file = at("lucia15_tid2013/data.csv.gz")
    options = ("--mos", "MOS", "--lower-better", "GMSD", "--mapping", "logistic4", "--resamples", 0, "--format", "csv")
    found = {
        (row["scorer"], row["metric"], row["mapping"]): round(float(row["value"]), 4)
        for row in rows(iqabench("correlate", file, "--score", "PSNR", "--score", "GMSD", *options).out)
    }
    psnr = [found["PSNR", metric, "none"] for metric in ("plcc", "srcc", "krcc")]
    assert psnr == [0.6601, 0.6869, 0.4958]
    assert [found["GMSD", metric, "none"] for metric in ("srcc", "krcc")] == [0.8044, 0.6339]
    assert found["GMSD", "plcc", "logistic4"] == 0.8589


def test_sureals_p910(iqabench):
    oracle = json.loads(at("sureal/itut_p910_demo_expected_0.json").read_text())
    file = at("sureal/bt500_sample_data.csv")
    found = json.loads(iqabench("mos", file, "--method", "p910", "--format", "json").out)
    np.testing.assert_allclose([image["mos"] for image in found["images"]], oracle["mos_j"], atol=1e-8)
    for ours, theirs in (("bias", "bias_i"), ("inconsistency", "inconsistency_i")):
        np.testing.assert_allclose([rater[ours] for rater in found["raters"]], oracle[theirs], atol=1e-8)


@pytest.mark.parametrize(
    ("options", "rejected"), [(("--ddof", 0, "--unanimous", "count"), ["1", "2"]), ((), ["2"])], ids=["sureal", "itu"]
)
def test_the_two_choices_of_bt500(iqabench, options, rejected):
    file = at("sureal/bt500_sample_data.csv")
    found = json.loads(iqabench("mos", file, "--method", "bt500", *options, "--format", "json").out)
    assert [rater["rater"] for rater in found["raters"] if rater["rejected"]] == rejected


def test_sureal_rejects_the_outliers(iqabench):
    file = at("sureal/nflx_public_last4outliers.csv")
    options = ("--method", "bt500", "--ddof", 0, "--unanimous", "count", "--format", "json")
    found = json.loads(iqabench("mos", file, *options).out)
    assert [rater["rater"] for rater in found["raters"] if rater["rejected"]] == ["s26", "s28", "s29"]


def test_repetitions_of_the_sample(iqabench):
    found = rows(iqabench("mos", at("sureal/bt500_small_sample_data.csv"), "--format", "csv").out)
    assert all(1 <= float(row["mos"]) <= 5 for row in found)


def test_the_papers_own_table(iqabench):
    from iqabench.report.auiqa import published

    given = rows(at("auiqa/table2.csv").read_text())
    ours = published()
    assert len(ours) == len(given) == 110
    for row, expected in zip(ours.to_dict("records"), given, strict=True):
        assert (row["scorer"], row["subset"]) == (expected["scorer"], expected["subset"])
        assert (row["plcc"], row["srcc"]) == (float(expected["plcc"]), float(expected["srcc"]))
