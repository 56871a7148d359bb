"""The options of a run, from the command line, from a study file and from Python."""

from __future__ import annotations

import json
import shutil
import tomllib

import pytest

GOOD = "return images.double().mean(dim=(1, 2, 3))"
DATASET = """
from iqabench import hookimpl
from iqabench.datasets import DatasetSpec, Item

@hookimpl
def iqabench_datasets():
    yield DatasetSpec(name="rated", summary="Photos with opinions", load="iqabench_dataset_rated:load",
                      licence="MIT", mos_range=(1, 5))

def load(path):
    return [Item(name=file.name, image=file, source=f"scene-{index // 2}", mos=index + 0.5)
            for index, file in enumerate(sorted(path.glob("*.png")))]
"""


@pytest.fixture
def full(lab):
    lab.install("scorer", "zoo.mean", GOOD)
    lab.install("degrader", "noise.dim", "return images * context.params['by']",
                facts="undone_by='dn', params=(Param(name='by', default=0.5, help='it', low=0, high=1),)")  # fmt: skip
    lab.install("degrader", "lr.half", "return images[..., ::2, ::2]", facts="undone_by='sr', scale=2")
    lab.install("enhancer", "dn.lift", "return images.sqrt()", facts="task='dn'")
    lab.install("enhancer", "sr.twice", "return images.repeat_interleave(2, 2).repeat_interleave(2, 3)",
                facts="task='sr', scale=2, needs=ImageNeeds(multiple_of=8)")  # fmt: skip
    lab.photos(3, size=(41, 47))
    return lab


MODELS = (
    "--degraders",
    "noise.dim[by=0.25|0.5],lr.half",
    "--enhancers",
    "dn.lift,sr.twice",
    "--iqa",
    "zoo.mean,fr.psnr",
)


def cells(rows) -> dict[tuple[str, str, str], int]:
    counted: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row["degrader"], row["enhancer"], row["scorer"])
        counted[key] = counted.get(key, 0) + 1
    return counted


def test_the_whole_chain_and_its_study_file(full) -> None:
    dry = full.command("run", "--images", "photos", *MODELS, "--out", "run", "--dry-run", "--json")
    assert dry.returncode == 0
    assert not (full.root / "run").exists()
    planned = {row["model"]: row["cells"] for row in json.loads(dry.stdout)["cells"]}
    assert planned == {"noise.dim[by=0.25]": 3, "noise.dim": 3, "lr.half": 3, "dn.lift": 6, "sr.twice": 3,
                       "zoo.mean": 21, "fr.psnr": 15}  # fmt: skip

    done = full.command("run", "--images", "photos", *MODELS, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["done"], summary["failed"], summary["scores"]) == (36, 0, 36)
    assert len(summary["means"]) == 12
    rows = full.rows("run")
    expected = {("noise.dim[by=0.25]", ""), ("noise.dim[by=0.25]", "dn.lift"), ("noise.dim", ""),
                ("noise.dim", "dn.lift"), ("lr.half", ""), ("lr.half", "sr.twice"), ("", "")}  # fmt: skip
    assert {(d, e) for d, e, s in cells(rows) if s == "zoo.mean"} == expected
    # No reference of its size: the small image, and the photo itself.
    assert {(d, e) for d, e, s in cells(rows) if s == "fr.psnr"} == expected - {("lr.half", ""), ("", "")}

    # The study in the run folder, given from anywhere, is the same run.
    elsewhere = full.root / "elsewhere"
    elsewhere.mkdir()
    study = full.root / "run" / "study.toml"
    before, first = full.table("run"), tomllib.loads(study.read_text())
    again = full.command("run", "--config", study, cwd=elsewhere)
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stderr
    assert not list(elsewhere.iterdir())
    assert full.table("run") == before
    assert tomllib.loads(study.read_text()) == first

    # A study in git names its paths from where it lies; options given beside it win.
    own = elsewhere / "study.toml"
    own.write_text('images = "../photos"\nout = "../run-2"\niqa = "zoo.mean"\nlimit = 2\n')
    done = full.command("run", "--config", own)
    assert done.returncode == 0, done.stderr
    assert len(full.rows("run-2")) == 2
    done = full.command("run", "--config", "elsewhere/study.toml", "--limit", "1", "--out", "run-3")
    assert done.returncode == 0, done.stderr
    assert len(full.rows("run-3")) == 1
    for text, words in [("imgaes = 'x'", "Did you mean images?"), ("workers = 'two'", "workers must be a whole number"),
                        ("images = ", "cannot be read as TOML")]:  # fmt: skip
        own.write_text(text)
        refused = full.command("run", "--config", own)
        assert refused.returncode == 2
        assert words in refused.stderr


def test_pairs_baselines_limit_and_stages(full) -> None:
    def pairs(*arguments: object) -> set[tuple[str, str]]:
        done = full.command("run", "--images", "photos", "--iqa", "zoo.mean", "--out", "run", *arguments)
        assert done.returncode == 0, done.stderr
        return {(d, e) for d, e, _ in cells(full.rows("run"))}

    chain = ("--degraders", "noise.dim,lr.half", "--enhancers", "dn.lift,sr.twice")
    assert pairs(*chain, "--all-pairs", "--no-baselines") == {
        ("noise.dim", "dn.lift"), ("noise.dim", "sr.twice"), ("lr.half", "dn.lift"), ("lr.half", "sr.twice")
    }  # fmt: skip
    assert pairs("--degraders", "noise.dim") == {("", ""), ("noise.dim", "")}
    assert pairs("--enhancers", "dn.lift") == {("", ""), ("", "dn.lift")}
    assert pairs() == {("", "")}
    first = {row["item"] for row in full.rows("run")}
    assert first == {"000.png", "001.png", "002.png"}
    pairs("--limit", 2, "--seed", 5)
    drawn = {row["item"] for row in full.rows("run")}
    assert len(drawn) == 2
    pairs("--limit", 2, "--seed", 5)
    assert {row["item"] for row in full.rows("run")} == drawn
    unused = full.command("run", "--images", "photos", "--degraders", "noise.dim", "--enhancers", "sr.twice",
                          "--iqa", "zoo.mean", "--out", "run-2")  # fmt: skip
    assert "sr.twice is not used" in unused.stderr


def test_images_of_another_tool_references_and_a_dataset(full) -> None:
    full.zoo.install(full.site, "iqabench-dataset-rated", DATASET)
    shutil.copytree(full.root / "photos", full.root / "tool")
    (full.root / "tool" / "001.png").unlink()
    (full.root / "tool" / "002.png").rename(full.root / "tool" / "002.bmp.png")
    full.photos(3, size=(41, 47), folder="pristine", seed=9)
    done = full.command("run", "--images", "photos", "--iqa", "fr.psnr,zoo.mean", "--enhanced", "tool=tool",
                        "--references", "pristine", "--out", "run")  # fmt: skip
    assert done.returncode == 1
    rows = full.rows("run")
    by_tool = {(row["item"], row["scorer"]): row for row in rows if row["enhancer"] == "tool"}
    assert float(by_tool["000.png", "fr.psnr"]["score"]) == 80
    assert "holds no image named like 001.png" in by_tool["001.png", "fr.psnr"]["reason"]
    assert by_tool["002.png", "zoo.mean"]["status"] == "failed"
    own = [float(row["score"]) for row in rows if row["scorer"] == "fr.psnr" and not row["enhancer"]]
    assert len(own) == 3
    assert max(own) < 30

    rated = full.command("run", "--dataset", "rated:photos", "--iqa", "zoo.mean", "--out", "rated")
    assert rated.returncode == 0, rated.stderr
    assert [(row["dataset"], row["source"], row["mos"]) for row in full.rows("rated")] == [
        ("rated", "scene-0", "0.5"), ("rated", "scene-0", "1.5"), ("rated", "scene-1", "2.5")
    ]  # fmt: skip


def test_fail_fast(lab) -> None:
    lab.install("scorer", "zoo.raises", 'LOG("called")\nraise ValueError("bad day")')
    lab.photos(5)
    done = lab.command("run", "--images", "photos", "--iqa", "zoo.raises", "--out", "run", "--fail-fast")
    assert done.returncode == 1
    assert "Stopped at the first failure: zoo.raises: ValueError: bad day" in done.stderr
    states = [row["status"] for row in lab.rows("run")]
    assert "failed" in states
    assert "pending" in states


PYTHON = """
import iqabench, json, sys
from pathlib import Path
result = iqabench.run(Path("photos"), degraders="noise.dim,lr.half", enhancers=["dn.lift", "sr.twice"],
                      iqa="zoo.mean,fr.psnr,zoo.raises", out="py")
assert not result.complete
assert len(result.failed) == 5 * 3 and set(result.failed["scorer"]) == {"zoo.raises"}
assert set(result.failed["reason"]) == {"zoo.raises: ValueError: bad day"}
mean, n, planned = (result.matrix(value) for value in ("mean", "n", "planned"))
assert n.at[("noise.dim", "dn.lift"), "zoo.mean"] == 3 == planned.at[("noise.dim", "dn.lift"), "zoo.raises"]
scores = result.scores
of = scores[(scores.degrader == "noise.dim") & (scores.enhancer == "dn.lift") & (scores.scorer == "zoo.mean")]
assert abs(of.score.mean() - mean.at[("noise.dim", "dn.lift"), "zoo.mean"]) < 1e-12
assert set(result.manifest["models"]) >= {"noise.dim", "zoo.mean"}
for wrong in [dict(images="photos", iqa="zoo.maen"), dict(images="photos", iqq="zoo.mean"), dict(images="photos"),
              dict(images="nowhere", iqa="zoo.mean"), dict(images="photos", iqa="zoo.mean", workers=1.5)]:
    try:
        iqabench.run(out="wrong", **wrong)
    except iqabench.IqabenchError as error:
        print(error)
    else:
        raise AssertionError(wrong)
try:
    result.matrix("maen")
except iqabench.IqabenchError as error:
    print(error)

import torch
images = torch.rand(5, 3, 41, 47)
scorer = iqabench.load("zoo.mean")
assert torch.equal(scorer(images), images.double().mean(dim=(1, 2, 3)))
assert iqabench.load("fr.psnr")(images, images).tolist() == [80.0] * 5
assert torch.allclose(iqabench.load("noise.dim", by=0.25)(images), images * 0.25)
assert torch.allclose(iqabench.load("noise.dim[by=0.25]")(images), images * 0.25)
assert iqabench.load("lr.half")(images).shape == (5, 3, 20, 23)
assert iqabench.load("sr.twice", device="cpu")(images).shape == (5, 3, 82, 94)
assert scorer(images[:0]).shape == (0,)
first, other = Path("first.txt"), Path("other.txt")
first.write_text("3"); other.write_text("4")
for weights, factor in [(None, 2), (first, 3), (str(other), 4), ({"factor.txt": first}, 3)]:
    loaded = iqabench.load("zoo.weighted", weights=weights)
    assert torch.allclose(loaded(images), images.mean(dim=(1, 2, 3)) * factor), (weights, factor)
bad = [lambda: iqabench.load("zoo.maen"), lambda: iqabench.load("zoo.*"), lambda: iqabench.load("noise.dim", by=7),
       lambda: iqabench.load("noise.dim", yb=1), lambda: iqabench.load("zoo.mean", device="toaster"),
       lambda: iqabench.load("zoo.mean", weights="first.txt"),
       lambda: iqabench.load("zoo.weighted", weights="gone.txt"),
       lambda: iqabench.load("zoo.weighted", weights={"fcator.txt": first}),
       lambda: scorer(images * 255), lambda: scorer(images[0]), lambda: scorer((images * 255).byte()),
       lambda: scorer(images * float("nan")), lambda: iqabench.load("fr.psnr")(images),
       lambda: iqabench.load("fr.psnr")(images, images[..., 1:]), lambda: iqabench.load("zoo.raises")(images)]
for call in bad:
    try:
        call()
    except iqabench.IqabenchError as error:
        print(f"{type(error).__name__}: {error}")
    else:
        raise AssertionError(call)
"""


def test_from_python(full) -> None:
    full.install("scorer", "zoo.raises", 'raise ValueError("bad day")')
    (full.root / "factor.txt").write_text("2")
    file = f"WeightsFile(name='factor.txt', sources=('file://{full.root}/factor.txt',), licence='MIT')"
    full.install("scorer", "zoo.weighted", "return images.mean(dim=(1, 2, 3)) * factor", facts=f"weights=({file},)",
                 setup="path, = context.weights.values()\nfactor = float(path.read_text())")  # fmt: skip
    done = full.python(PYTHON)
    assert done.returncode == 0, done.stderr
    for words in ("Did you mean zoo.mean", "Did you mean iqa?", "nowhere is not a folder", "workers must be a whole",
                  "'toaster' is not a device", "out of range", "has no parameter 'yb'", "loads no weights",
                  "gone.txt", "Did you mean factor.txt?", "must lie in [0, 1]", "must be a float tensor",
                  "is full-reference", "differ in size", "ModelError: zoo.raises: ValueError: bad day",
                  "names 3 models"):  # fmt: skip
        assert words in done.stdout, (words, done.stdout)
    assert not (full.root / "wrong" / "images").exists()


def test_offline_is_told_to_libraries_that_download_by_themselves(lab):
    lab.photos(1)
    lab.install("scorer", "zoo.net", "LOG(os.environ.get('IQABENCH_OFFLINE'), ); return images[:, 0, 0, 0]")
    assert lab.command("run", "--images", "photos", "--iqa", "zoo.net", "--out", "a").returncode == 0
    assert lab.command("run", "--images", "photos", "--iqa", "zoo.net", "--out", "b", "--offline").returncode == 0
    assert lab.lines() == ["None", "1"]
