"""A built dataset, made here without running a model."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import requests
import uvicorn
from PIL import Image

from iqabench.annotate.log import Log, Rater
from iqabench.annotate.panel import Panel
from iqabench.annotate.server import Site
from iqabench.annotate.settings import Settings, write_settings
from iqabench.datasets.built import FACTS, IMAGES, Entry, to_csv

DEGRADERS = {"lr.bicubic": ("sr.one", "sr.two"), "noise.gaussian": ("dn.one", "dn.two")}
TASKS = {"lr": "sr", "noise": "dn"}


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make_dataset(folder: Path, photos: int = 6, size: tuple[int, int] = (48, 64)) -> Path:
    """``photos`` sources, each degraded in two ways and enhanced by two models a way; (height, width) ``size``."""
    draws = np.random.default_rng(0)
    entries = []

    def add(file: str, role: str, **facts: str) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(draws.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize(size[::-1], Image.Resampling.BICUBIC).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entries.append(Entry(file=file, role=role, sha256=digest, width=size[1], height=size[0], **facts))

    for number in range(photos):
        photo = f"photo-{number}.png"
        add(f"sources/{photo}", "source", source=photo)
        for degrader, enhancers in DEGRADERS.items():
            facts = {"source": photo, "degrader": degrader, "task": TASKS[degrader.partition(".")[0]]}
            add(f"degraded/{degrader}/{photo}", "degraded", **facts)
            for enhancer in enhancers:
                made = {"enhancer": enhancer, "reference": f"sources/{photo}"}
                add(f"enhanced/{degrader}/{enhancer}/{photo}", "enhanced", **made, **facts)
    (folder / IMAGES).write_text(to_csv(entries))
    facts = {"format": 1, "photos": {"dataset": ""}, "seed": 0, "models": {}, "counts": {}, "iqabench": "0"}
    (folder / FACTS).write_text(json.dumps(facts))
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "dataset")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def panel_of(dataset: Path, clock: Clock) -> Callable[..., Panel]:
    """A panel of the dataset with the given settings; its log is closed at the end."""
    logs = []

    def make(**settings: object) -> Panel:
        chosen = Settings(**{"training": 0, "dummies": 0, **settings})
        write_settings(dataset, chosen)
        logs.append(Log(dataset, create=True))
        return Panel(dataset, chosen, logs[-1], now=clock)

    yield make
    for log in logs:
        log.close()


@dataclass
class Browser:
    """A client with a rater's cookie and page token, against a server that listens on a real socket."""

    base: str
    session: requests.Session
    token: str = ""

    def get(self, path: str, **options: object) -> requests.Response:
        return self.session.get(self.base + path, timeout=30, **options)

    def post(self, path: str, facts: object = None, **options: object) -> requests.Response:
        headers = {"X-Page-Token": self.token, **options.pop("headers", {})}
        body = options.pop("data", json.dumps(facts))
        return self.session.post(self.base + path, data=body, headers=headers, timeout=30, **options)

    def vote(self, position: int, vote: object = 3, **facts: object) -> requests.Response:
        given = {"nonce": f"nonce-{position:05}", "position": position, "vote": vote, "duration": 1.0, **facts}
        return self.post("/api/vote", given)


@dataclass
class Served:
    base: str
    site: Site

    def browser(self, rater: Rater | None) -> Browser:
        found = Browser(self.base, requests.Session())
        if rater:
            page = found.get(f"/r/{rater.token}")
            assert page.status_code == 200
            found.token = re.search('name="page-token" content="([0-9a-f]+)"', page.text)[1]
        return found


@pytest.fixture
def serve() -> Callable[[Panel], Served]:
    servers = []

    def start(panel: Panel) -> Served:
        site = Site(panel, hosts=["127.0.0.1", "localhost"])
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return Served(f"http://127.0.0.1:{listening.getsockname()[1]}", site)

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join(10)
