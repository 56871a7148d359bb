"""The rating site under load: 50 raters who each vote once a second, on a dataset of AU-IQA's size.

Run with ``pytest tests/benchmarks/test_annotate.py --benchmark-only -s``. The server is the real command.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from iqabench.datasets.built import FACTS, IMAGES, Entry, to_csv

RATERS, SECONDS = 50, 20
SIZE = (768, 1024)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """4,800 entries of AU-IQA's shape; ten files serve them all."""
    draws = np.random.default_rng(0)
    (tmp_path / "enhanced").mkdir()
    for number in range(10):
        coarse = Image.fromarray(draws.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        coarse.resize(SIZE[::-1], Image.Resampling.BICUBIC).save(tmp_path / "enhanced" / f"{number}.png")
    entries = []
    for photo in range(400):
        for model in range(12):
            name = f"enhanced/{model}/{photo}.png"
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).hardlink_to(tmp_path / "enhanced" / f"{photo % 10}.png")
            facts = {"source": f"{photo}.png", "degrader": f"lr.{model // 4}", "enhancer": f"sr.{model}"}
            entries.append(Entry(file=name, role="enhanced", sha256="0", width=SIZE[1], height=SIZE[0], **facts))
    (tmp_path / IMAGES).write_text(to_csv(entries))
    (tmp_path / FACTS).write_text(json.dumps({"format": 1}))
    return tmp_path


def test_fifty_raters(benchmark, dataset: Path) -> None:
    names = [option for number in range(RATERS) for option in ("--rater", f"rater{number}")]
    command = [sys.executable, "-m", "iqabench", "annotate", "serve", str(dataset), "--port", "0", *names]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    links = []
    for line in process.stdout:
        if found := re.match(r"rater\d+: (\S+)", line):
            links.append(found[1])
        if "Ctrl-C" in line:
            break
    try:
        took: list[float] = []
        benchmark.pedantic(lambda: took.extend(load(links)), rounds=1)
    finally:
        process.kill()
        process.wait()
    p50, p99 = np.percentile(took, [50, 99]) * 1e3
    benchmark.extra_info |= {"votes": len(took), "p50, ms": p50, "p99, ms": p99}
    print(f"\n{len(took)} votes of {RATERS} raters in {SECONDS} s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert len(took) >= RATERS * SECONDS * 0.95


def load(links: list[str]) -> list[float]:
    """Seconds from sending to acknowledgement of every vote; each rater also fetches the image that comes next."""
    took: list[float] = []
    ready = threading.Barrier(len(links), timeout=120)

    def rate(number: int, link: str) -> None:
        session = requests.Session()
        base = link.partition("/r/")[0]
        page = session.get(link, timeout=60)
        token = re.search('name="page-token" content="([0-9a-f]+)"', page.text)[1]
        session.headers["X-Page-Token"] = token
        status = session.get(f"{base}/api/status", timeout=60).json()
        ready.wait()
        start = time.perf_counter() + number / len(links)
        for turn in range(SECONDS):
            time.sleep(max(0.0, start + turn - time.perf_counter()))
            screen = status["screens"][0]
            vote = {"nonce": f"turn-{turn:06}", "position": screen["position"], "vote": 1 + turn % 5, "duration": 1.0}
            sent = time.perf_counter()
            answer = session.post(f"{base}/api/vote", json=vote, timeout=60)
            took.append(time.perf_counter() - sent)
            answer.raise_for_status()
            status = answer.json()
            session.get(base + status["screens"][-1]["images"][0], timeout=60).raise_for_status()

    threads = [threading.Thread(target=rate, args=job) for job in enumerate(links)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took
