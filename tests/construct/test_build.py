"""Building a dataset with the real command, from rated photos to its exports."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

LIMIT = 240
MODELS = ("--degraders", "lr.bicubic[scale=2],noise.gaussian", "--enhancers", "sr.bicubic,sr.lanczos,dn.nlm")


def command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "iqabench", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        text=True,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos with MOS 1 to 12."""
    folder = tmp_path_factory.mktemp("rated")
    draws = np.random.default_rng(0)
    rows = ["image,mos"]
    for number in range(12):
        coarse = Image.fromarray(draws.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"{number:02}.png")
        rows.append(f"{number:02}.png,{number + 1}")
    (folder / "mos.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def built(rated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    process = command(
        "dataset", "build", "--dataset", f"csv:{rated}/mos.csv", "--select", 4, "--min-mos-quantile", 0.5, *MODELS,
        "--out", "set", cwd=folder,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "4 source, 8 degraded, 12 enhanced images" in process.stdout
    return folder / "set"


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "images.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_in_it(built: Path) -> None:
    listed = rows(built)
    assert {int(row["source"][:2]) >= 6 for row in listed} == {True}  # the better half
    assert {(row["role"], row["task"]) for row in listed} == {
        ("source", ""), ("degraded", "sr"), ("degraded", "dn"), ("enhanced", "sr"), ("enhanced", "dn"),
    }  # fmt: skip
    for row in listed:
        with Image.open(built / row["file"]) as image:
            assert image.size == (int(row["width"]), int(row["height"]))
        assert (row["reference"] != "") == (row["role"] != "source" and row["width"] == "64")
    facts = json.loads((built / "dataset.json").read_text())
    assert facts["photos"]["select"] == 4
    assert set(facts["models"]) >= {"sr.bicubic", "dn.nlm"}
    assert "4 drawn by seed 0" in (built / "README.md").read_text()


def test_the_study_file_makes_it_again(built: Path, tmp_path: Path) -> None:
    """Byte for byte, as the digests say."""
    process = command("dataset", "build", "--config", built / "study.toml", "--out", tmp_path / "again", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert rows(tmp_path / "again") == rows(built)


def test_the_same_command_again_does_nothing(built: Path, rated: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (built / "enhanced").rglob("*.png")}
    process = command("dataset", "build", "--config", built / "study.toml", cwd=built.parent)
    assert process.returncode == 0, process.stderr
    assert {path: path.stat().st_mtime_ns for path in (built / "enhanced").rglob("*.png")} == before


def test_verify(built: Path, tmp_path: Path) -> None:
    whole = command("dataset", "verify", built, cwd=tmp_path)
    assert (whole.returncode, "all there" in whole.stdout) == (0, True)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(built), str(copy)], check=True)
    first, second, third = sorted((copy / "enhanced").rglob("*.png"))[:3]
    first.unlink()
    second.write_bytes(third.read_bytes())
    (copy / "enhanced" / "stray.png").write_bytes(third.read_bytes())
    damaged = command("dataset", "verify", copy, "--json", cwd=tmp_path)
    found = json.loads(damaged.stdout)
    assert damaged.returncode == 1
    assert found["missing"] == [first.relative_to(copy).as_posix()]
    assert found["changed"] == [second.relative_to(copy).as_posix()]
    assert found["unlisted"] == ["enhanced/stray.png"]
    assert "not whole" in damaged.stderr


def test_it_is_a_dataset(built: Path, tmp_path: Path) -> None:
    process = command("run", "--dataset", f"built:{built}", "--iqa", "fr.psnr", "--out", "run", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    with (tmp_path / "run" / "scores.csv").open(newline="") as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 12
    assert {row["enhancer"] for row in scores} == {"sr.bicubic[scale=2]", "sr.lanczos[scale=2]", "dn.nlm"}
    assert {row["source"] for row in scores} == {row["source"] for row in rows(built)}


def test_exports(built: Path, tmp_path: Path) -> None:
    unrated = command("dataset", "export", built, "--format", "pyiqa", "--out", "meta.csv", cwd=tmp_path)
    assert unrated.returncode == 1
    assert "12 of 12 images have no MOS" in unrated.stderr
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(built), str(copy)], check=True)
    enhanced = [row["file"] for row in rows(copy) if row["role"] == "enhanced"]
    lines = [f"{name},{3 + at / 10},0.5" for at, name in enumerate(enhanced)]
    (copy / "mos.csv").write_text("\n".join(["image,mos,std", *lines]) + "\n")
    assert command("dataset", "export", copy, "--format", "pyiqa", "--out", "meta.csv", cwd=tmp_path).returncode == 0
    with (tmp_path / "meta.csv").open(newline="") as file:
        meta = list(csv.DictReader(file))
    assert list(meta[0]) == ["ref_name", "dist_name", "mos", "std"]
    assert [row["dist_name"] for row in meta] == enhanced
    assert all((copy / row["ref_name"]).is_file() for row in meta)
    assert command("dataset", "export", copy, "--format", "huggingface", "--out", "hf", cwd=tmp_path).returncode == 0
    with (tmp_path / "hf" / "data" / "metadata.csv").open(newline="") as file:
        metadata = list(csv.DictReader(file))
    assert len(metadata) == 12
    assert all((tmp_path / "hf" / "data" / row["file_name"]).is_file() for row in metadata)
    assert all((tmp_path / "hf" / row["reference"]).is_file() for row in metadata)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--images", "{rated}"), "nothing to make"),
        ((*MODELS,), "no photos"),
        (("--images", "{rated}", "--select", "3", *MODELS), "cannot be selected"),
        (("--dataset", "csv:{rated}/mos.csv", "--select", "50", *MODELS), "can be had"),
        (("--dataset", "nowhere:x", *MODELS), "no dataset 'nowhere'"),
        (("--images", "{rated}", "--degraders", "lr.bicubik", "--enhancers", "sr.*"), "lr.bicubic"),
    ],
)
def test_what_cannot_be_built_is_said(rated: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    given = [text.replace("{rated}", str(rated)) for text in arguments]
    process = command("dataset", "build", *given, "--out", "set", cwd=tmp_path)
    assert process.returncode in (1, 2)
    assert message in process.stderr
    assert "Traceback" not in process.stderr


def test_a_photo_that_cannot_be_read_costs_its_own_images(rated: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("00.png", "01.png"):
        (photos / name).write_bytes((rated / name).read_bytes())
    (photos / "bad.png").write_bytes(b"not an image")
    process = command("dataset", "build", "--images", photos, *MODELS, "--out", "set", cwd=tmp_path)
    assert process.returncode == 1
    assert "sources/bad.png" in process.stderr
    assert len([row for row in rows(tmp_path / "set") if row["role"] == "enhanced"]) == 6
    assert command("dataset", "verify", tmp_path / "set", cwd=tmp_path).returncode == 1  # a listed photo is unlisted


def test_killed_and_begun_again(built: Path, rated: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "iqabench", "dataset", "build", "--config", str(built / "study.toml"), "--out", "set"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + LIMIT
    while not any((tmp_path / "set" / ".run").glob("images/**/*.png")) and time.monotonic() < limit:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = command("dataset", "build", "--config", built / "study.toml", "--out", "set", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert rows(tmp_path / "set") == rows(built)
