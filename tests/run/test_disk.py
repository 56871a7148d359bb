"""A disk that refuses, and a journal that is damaged: one clear line, and nothing on record is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

GOOD = "return images.double().mean(dim=(1, 2, 3))"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def one_line(text: str) -> str:
    """The one line in which an error is told."""
    assert "Traceback" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("Error: ")]
    return line


def test_full_disk(lab, small_disk: Path) -> None:
    lab.install("degrader", "noise.grain", "return (images + torch.rand(images.shape)) / 2", facts="undone_by='dn'")
    lab.install("scorer", "zoo.mean", GOOD)
    lab.photos(20, size=(160, 160))
    arguments = (
        "run",
        "--images",
        "photos",
        "--degraders",
        "noise.grain",
        "--iqa",
        "zoo.mean",
        "--out",
        small_disk / "run",
    )
    done = lab.command(*arguments)
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert str(small_disk / "run") in line
    assert "No space left" in line or "disk is full" in line or "disk I/O" in line
    made = list((small_disk / "run" / "images").rglob("[!.]*.png"))
    assert 0 < len(made) < 20

    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    resumed = lab.command(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert {row["status"] for row in lab.rows(small_disk / "run")} == {"done"}
    assert not list(small_disk.rglob("*.tmp"))


def test_folder_that_may_not_be_written(lab, as_anyone) -> None:
    lab.install("scorer", "zoo.mean", GOOD)
    lab.photos(1)
    arguments = ("run", "--images", "photos", "--iqa", "zoo.mean", "--out")
    closed = lab.root / "closed"
    closed.mkdir(mode=0o555)
    for out in (closed, closed / "below"):
        done = lab.command(*arguments, out, **as_anyone)
        assert done.returncode == 1
        line = one_line(done.stderr)
        assert "closed" in line
        assert "Permission denied" in line or "unable to open" in line
    (lab.root / "file").touch()
    done = lab.command(*arguments, "file")
    assert done.returncode == 1
    assert "file" in one_line(done.stderr)

    # A finished run can be looked at where it may not be written.
    assert lab.command(*arguments, "run").returncode == 0
    for path in [lab.root / "run", *(lab.root / "run").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert lab.command("show", "run", **as_anyone).returncode == 0
    done = lab.command(*arguments, "run", **as_anyone)
    assert done.returncode == 1
    one_line(done.stderr)


def test_damaged_journal(lab) -> None:
    lab.install("scorer", "zoo.mean", 'LOG("mean")\n' + GOOD)
    lab.photos(2)
    arguments = ("run", "--images", "photos", "--iqa", "zoo.mean", "--out", "run")
    assert lab.command(*arguments).returncode == 0
    before = lab.table("run")
    journal = lab.root / "run" / "journal.sqlite"
    for damage in (b"not a database, by any means" * 100, journal.read_bytes()[:5000] + b"\xff" * 3000):
        for path in (lab.root / "run").glob("journal.sqlite-*"):
            path.unlink()
        journal.write_bytes(damage)
        done = lab.command(*arguments)
        assert done.returncode == 1
        line = one_line(done.stderr)
        assert "the journal is damaged" in line
        assert "Move journal.sqlite out of the run folder" in line
    assert lab.command("show", "run").returncode == 0
    journal.unlink()
    assert lab.command(*arguments).returncode == 0
    assert lab.table("run") == before
    assert lab.lines() == ["mean"] * 4


def test_damaged_tables(lab) -> None:
    lab.install("scorer", "zoo.mean", GOOD)
    lab.photos(1)
    arguments = ("run", "--images", "photos", "--iqa", "zoo.mean", "--out", "run")
    assert lab.command("show", "run").returncode == 1
    assert lab.command(*arguments).returncode == 0
    (lab.root / "run" / "scores.parquet").write_bytes(b"torn")
    shown = lab.command("show", "run")
    assert shown.returncode == 1
    assert "scores.parquet" in one_line(shown.stderr)
    (lab.root / "run" / "manifest.json").write_text("{")
    assert lab.command(*arguments).returncode == 0
    assert lab.command("show", "run").returncode == 0
