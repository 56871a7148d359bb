"""Five raters in real browsers, a browser and the server killed on the way, from votes to a correlated run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from iqabench.annotate.log import Log, effective
from iqabench.annotate.votes import long_table, votes_of

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")

FLAGS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
LOADINGS = (0.671, 0.810, 0.766, 0.730, 0.848)
"""Of one common factor: votes with the inter-rater correlations that AU-IQA published."""
NAMES = ("anna", "ben", "cleo", "dora", "emil")
LIMIT = 60_000


@dataclass
class Server:
    """The real command; killed and started again it keeps its address."""

    folder: Path
    port: int = 0
    links: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        self.port = self.port or free_port()
        command = [sys.executable, "-m", "iqabench", "annotate", "serve", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        for line in self.process.stdout:
            if found := re.match(r"(\S+): (http\S+)", line):
                self.links[found[1]] = found[2]
            if "Ctrl-C" in line:
                return
        raise AssertionError("the server ended")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@pytest.fixture
def server(dataset: Path) -> Iterator[Server]:
    found = Server(dataset)
    yield found
    if found.process and found.process.poll() is None:
        found.kill()


@pytest.fixture
def browsers() -> Iterator[object]:
    with playwright.sync_playwright() as started:
        yield lambda: started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def begin(browser: object, link: str) -> object:
    """A page at the first screen that is due; it fails at any error that the browser reports."""
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.on("pageerror", lambda error: pytest.fail(f"in the page: {error}"))
    page.goto(link)
    page.fill("#distance", "60")
    page.click("button[type=submit]")
    page.wait_for_selector("#view[data-position]", timeout=LIMIT)
    return page


def counted(page: object) -> list[int]:
    """Grows by one for each vote that the server acknowledges to this page."""
    found: list[int] = []
    page.on("response", lambda answer: found.append(1) if answer.ok and answer.url.endswith("/api/vote") else None)
    return found


def at(page: object, position: int) -> None:
    page.wait_for_selector(f"#view[data-position='{position}']", timeout=LIMIT)


def votes_of_the_study(folder: Path) -> dict[str, dict[str, int]]:
    """Each rater's vote on each image, 1 to 5."""
    draws = np.random.default_rng(7)
    images = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    common = draws.standard_normal(len(images))
    found = {}
    for name, loading in zip(NAMES, LOADINGS, strict=True):
        scores = loading * common + np.sqrt(1 - loading**2) * draws.standard_normal(len(images))
        votes = np.clip(np.round(3 + 1.1 * scores), 1, 5).astype(int)
        found[name] = dict(zip(images, votes.tolist(), strict=True))
    return found


def test_a_study(server: Server, browsers: object, dataset: Path, tmp_path: Path) -> None:
    votes = votes_of_the_study(dataset)
    names = [option for name in NAMES for option in ("--rater", name)]
    server.start("--training", "2", "--dummies", "1", "--repeats", "2", *names)
    with Log(dataset) as log:
        plans = {rater.name: log.plan(rater.id) for rater in log.raters()}
    total = 29

    def rate(page: object, name: str, positions: range) -> None:
        for position in positions:
            at(page, position)
            page.keyboard.press(str(votes[name][plans[name][position].image]))

    browser = browsers()
    rate(begin(browser, server.links["anna"]), "anna", range(total))
    page = begin(browser, server.links["ben"])
    rate(page, "ben", range(10))
    at(page, 10)
    page.keyboard.press("Backspace")
    at(page, 9)
    rate(page, "ben", range(9, total))
    page.wait_for_selector("#over[open]", timeout=LIMIT)

    own = browsers()  # cleo's browser is killed midway, and she goes on in another
    page = begin(own, server.links["cleo"])
    acknowledged = counted(page)
    rate(page, "cleo", range(12))
    at(page, 12)
    kill_browser(own)
    page = begin(browser, server.links["cleo"])
    kept = int(page.get_attribute("#view", "data-position"))  # a vote may have been on its way
    assert len(acknowledged) <= kept <= 12
    rate(page, "cleo", range(kept, total))

    page = begin(browser, server.links["dora"])  # the server is killed while she votes
    acknowledged = counted(page)
    rate(page, "dora", range(15))
    at(page, 15)
    server.kill()
    assert len(acknowledged) <= done(dataset, "dora") <= 15
    page.keyboard.press(str(votes["dora"][plans["dora"][15].image]))
    page.wait_for_selector("#problem:not(:empty)", timeout=LIMIT)
    server.start()
    rate(page, "dora", range(16, total))
    page.wait_for_selector("#over[open]", timeout=LIMIT)

    rate(begin(browser, server.links["emil"]), "emil", range(total))
    wait_for(lambda: done(dataset, "emil") == total)
    organiser = browser.new_page()
    organiser.goto(server.links["Organiser"])
    assert organiser.content().count("29 of 29") == 5
    browser.close()

    with Log(dataset) as log:
        for rater in log.raters():
            held = effective(log.events(rater.id))
            cast = {plans[rater.name][position].image: int(event.vote) for position, event in held.items()}
            assert sorted(held) == list(range(total))  # none lost, none doubled
            assert all(votes[rater.name][image] == vote for image, vote in cast.items())
        table = votes_of(long_table(log))
    expected = [[votes[name][image] for name in table.raters] for image in table.stimuli]
    assert (table.table == expected).all()

    run = [sys.executable, "-m", "iqabench"]
    assert subprocess.run([*run, "mos", str(dataset)], check=False, capture_output=True).returncode == 0
    scored = subprocess.run(
        [*run, "run", "--dataset", f"built:{dataset}", "--iqa", "fr.psnr,fr.ssim", "--out", "run"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert scored.returncode == 0, scored.stderr
    shown = subprocess.run(
        [*run, "show", "run", "--by", "enhancer", "--metric", "plcc,srcc", "--format", "csv"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "fr.psnr" in shown.stdout
    report = subprocess.run([*run, "report", "run", "--out", "page.html"], cwd=tmp_path, check=False)
    assert report.returncode == 0
    assert "fr.psnr" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("method", ["dcr", "pc"])
def test_two_images_a_screen(server: Server, browsers: object, dataset: Path, method: str) -> None:
    """No vote before both were seen; the space bar changes between them, and buttons do what keys do."""
    server.start("--method", method, "--training", "0", "--dummies", "0", "--rater", "anna")
    browser = browsers()
    page = begin(browser, server.links["anna"])
    at(page, 0)
    first = page.get_attribute("#image", "src")
    page.keyboard.press("5" if method == "dcr" else "ArrowLeft")  # too early
    page.keyboard.press("Space")
    page.wait_for_selector(f"#image:not([src='{first}'])", timeout=LIMIT)
    page.wait_for_selector("#votes button:not([disabled])", timeout=LIMIT)
    assert done(dataset, "anna") == 0
    page.click("#votes button:first-child")
    at(page, 1)
    wait_for(lambda: done(dataset, "anna") == 1)
    with Log(dataset) as log:
        (event,) = log.events(1)
    assert event.vote == 1
    browser.close()


def test_one_pixel_for_each_pixel_and_a_rest(server: Server, browsers: object) -> None:
    server.start("--training", "1", "--dummies", "0", "--break-minutes", "1", "--rater", "anna")
    browser = browsers()
    context = browser.new_context(device_scale_factor=2, viewport={"width": 820, "height": 1180}, has_touch=True)
    page = context.new_page()
    page.goto(server.links["anna"])
    page.goto(server.links["anna"].partition("/r/")[0] + "/rate")
    at(page, 0)
    box = page.locator("#image").bounding_box()
    assert (box["width"], box["height"]) == (32, 24)  # 64 by 48 pixels on a screen of two a point
    assert "Practice" in page.inner_text("#label")
    page.tap("#votes button:nth-child(4)")
    at(page, 1)
    assert "Practice" not in page.inner_text("#label")
    browser.close()


def kill_browser(browser: object) -> None:
    """All of its processes, at once. The newest chromium that this process started is it."""
    found = [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name().lower()]
    roots = [child for child in found if "--type=" not in " ".join(child.cmdline())]
    newest = max(roots, key=lambda child: child.create_time())
    for process in [newest, *newest.children(recursive=True)]:
        process.kill()


def done(folder: Path, name: str) -> int:
    with Log(folder) as log:
        rater = next(one for one in log.raters() if one.name == name)
        return len(effective(log.events(rater.id)))


def wait_for(ready: object) -> None:
    limit = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < limit
        time.sleep(0.02)
