"""A run that is killed, again and again, at any moment, ends as one that never was."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

PATTERNS = ("--degraders", "noise.dim", "--enhancers", "dn.lift", "--iqa", "nr.mean,fr.gap", "--all-pairs")


@pytest.fixture
def chain(lab):
    """Each stage with a slow model that writes down every call; a score tells the image it was given for."""
    lab.install("degrader", "noise.dim", 'LOG("dim")\ntime.sleep(0.02)\nreturn images * 0.5', facts="undone_by='dn'")
    lab.install("enhancer", "dn.lift", 'LOG("lift")\ntime.sleep(0.02)\nreturn images.sqrt()', facts="task='dn'")
    score = 'made = {}\nLOG("{} " + repr(made.tolist()[0]))\ntime.sleep(0.02)\nreturn made'
    mean = "images.double().mean(dim=(1, 2, 3))"
    gap = "(images - references).double().square().mean(dim=(1, 2, 3))"
    lab.install("scorer", "nr.mean", score.format(mean, "nr.mean"))
    lab.install("scorer", "fr.gap", score.format(gap, "fr.gap"), facts="reference=True")
    lab.photos(14)
    return lab


def recorded(folder: Path) -> tuple[set[str], set[str]]:
    """Scores on record, as text, and the first digits of the keys of images on record."""
    journal = folder / "journal.sqlite"
    if not journal.exists():
        return set(), set()
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as db:
        try:
            rows = list(db.execute("select key, score from cells where status = 'done'"))
        except sqlite3.OperationalError:  # killed before the table was made
            return set(), set()
    return {repr(score) for _, score in rows if score is not None}, {key[:12] for key, score in rows if score is None}


def images(folder: Path) -> dict[str, tuple[int, int]]:
    """By the digits of its key: when each image was written, and its inode."""
    found = {path: path.stat() for path in folder.glob("images/**/[!.]*.png")}
    return {path.stem[-12:]: (stat.st_mtime_ns, stat.st_ino) for path, stat in found.items()}


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


@pytest.mark.parametrize(
    ("victim", "workers", "seed", "kills"),
    [
        ("group", 1, 1, 11),
        ("supervisor", 2, 2, 11),
        pytest.param("group", 2, 3, 40, marks=pytest.mark.slow),
        pytest.param("supervisor", 1, 4, 40, marks=pytest.mark.slow),
    ],
)
def test_sigkill_at_random_moments(chain, wait_until, victim: str, workers: int, seed: int, kills: int) -> None:
    unbroken = chain.command("run", "--images", "photos", *PATTERNS, "--out", "unbroken")
    assert unbroken.returncode == 0, unbroken.stderr
    total = len(chain.lines())
    chain.log.unlink()

    draw = random.Random(seed)
    folder = chain.root / "broken"
    arguments = ("run", "--images", "photos", *PATTERNS, "--out", folder, "--workers", workers)
    written: dict[str, tuple[int, int]] = {}
    for number in range(kills):
        scores_before, images_before = recorded(folder)
        calls_before = len(chain.lines())
        process = chain.start(*arguments)
        supervisor = psutil.Process(process.pid)
        if number % 5 == 4:  # at any moment, as while starting
            time.sleep(draw.uniform(0, 2.5))
        else:  # in the thick of it
            most = max(1, (total - calls_before) // (kills - number))
            wanted = calls_before + draw.randint(1, max(1, min(most, 8)))
            wait_until(lambda w=wanted, p=process: len(chain.lines()) >= w or p.poll() is not None)
            time.sleep(draw.uniform(0, 0.03))
        if process.poll() is None:
            under = [child.pid for child in supervisor.children(recursive=True)]
            os.killpg(process.pid, signal.SIGKILL) if victim == "group" else process.kill()
            process.communicate(timeout=20)
            wait_until(lambda pids=under: gone(pids), seconds=30)
        assert process.returncode in (-signal.SIGKILL, 0)

        news = {line.split()[1] for line in chain.lines()[calls_before:] if " " in line}
        assert not news & scores_before, "a score on record was computed again"
        now = images(folder)
        assert all(now[key] == written[key] for key in images_before), "an image on record was made again"
        written = now

    last = chain.command(*arguments)
    assert last.returncode == 0, last.stderr
    assert chain.table(folder) == chain.table("unbroken")
    assert not list(folder.rglob("*.tmp")), "half-written files were left behind"
    # Of what was computed twice, each time was lost with a kill: what was in flight then, and no more.
    assert total <= len(chain.lines()) <= total + kills * 4 * workers
    calls = len(chain.lines())
    again = chain.command(*arguments)
    assert again.returncode == 0
    assert "nothing to do" in again.stderr
    assert len(chain.lines()) == calls


def test_two_processes_on_one_folder(chain) -> None:
    arguments = ("run", "--images", "photos", *PATTERNS, "--out", "shared")
    first, second = chain.start(*arguments), chain.start(*arguments)
    ends = [process.communicate(timeout=200) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), ends
    calls = chain.lines()
    scores = [line for line in calls if " " in line]
    assert len(scores) == len(set(scores)) == 14 * 3 + 14 * 2
    assert (calls.count("dim"), calls.count("lift")) == (14, 14)
    messages = "".join(err for _, err in ends)
    assert "waiting for it to end" in messages
    assert "nothing to do" in messages
    (out_1, _), (out_2, _) = ends
    assert out_1 == out_2


def test_ctrl_c(chain, wait_until) -> None:
    arguments = ("run", "--images", "photos", *PATTERNS, "--out", "stopped")
    process = chain.start(*arguments)
    supervisor = psutil.Process(process.pid)
    wait_until(lambda: len(chain.lines()) > 20)
    under = [child.pid for child in supervisor.children(recursive=True)]
    assert under
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the group
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Stopped" in err
    assert "Traceback" not in err
    wait_until(lambda: gone(under), seconds=20)
    states = {row["status"] for row in chain.rows("stopped")}
    assert states <= {"done", "pending"}
    assert "pending" in states
    shown = chain.command("show", "stopped")
    assert shown.returncode == 1
    assert "still to do" in shown.stdout

    calls = len(chain.lines())
    resumed = chain.command(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "computed before" in resumed.stderr
    assert len(chain.lines()) < calls + 14 * 2 + 14 * 5
    assert {row["status"] for row in chain.rows("stopped")} == {"done"}


def test_a_worker_killed_from_outside_costs_nothing_but_its_image(chain, wait_until) -> None:
    """As the kernel does when memory runs out. What was not being computed is computed by the next process."""
    process = chain.start("run", "--images", "photos", *PATTERNS, "--out", "robbed")
    supervisor = psutil.Process(process.pid)
    wait_until(lambda: len(chain.lines()) > 10)
    supervisor.children()[0].send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    rows = chain.rows("robbed")
    failed = [row["reason"] for row in rows if row["status"] == "failed"]
    assert {row["status"] for row in rows} <= {"done", "failed"}
    assert process.returncode == (1 if failed else 0), err
    assert all("was killed by SIGKILL" in reason for reason in failed)
    assert len(failed) <= 5


def test_a_kill_while_a_model_is_busy_leaves_no_orphan(lab, wait_until) -> None:
    lab.install("scorer", "nr.slow", 'LOG("begun")\ntime.sleep(60)\nreturn images.mean(dim=(1, 2, 3))')
    lab.photos(1)
    process = lab.start("run", "--images", "photos", "--iqa", "nr.slow", "--out", "run")
    wait_until(lab.lines)
    under = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.communicate(timeout=20)
    wait_until(lambda: gone(under), seconds=10)
