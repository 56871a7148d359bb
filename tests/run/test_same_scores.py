"""Scores do not depend on batch size, order, number of workers or interruption, to the last byte of the table."""

from __future__ import annotations

import os
import random
import signal
from itertools import product

import pytest

SHUFFLED = """
from iqabench import hookimpl
from iqabench.datasets import DatasetSpec

@hookimpl
def iqabench_datasets():
    yield DatasetSpec(name="shuffled", summary="A folder in an order of its own", load="iqabench_dataset_shuffled:load",
                      licence="MIT", mos_range=(1, 5))

def load(path):
    import os, random
    from iqabench.datasets.folder import read_folder
    items = read_folder(path)
    random.Random(int(os.environ["ORDER"])).shuffle(items)
    return items
"""
REAL = ("--degraders", "noise.gaussian", "--iqa", "fr.psnr,fr.ssim,nr.niqe")


@pytest.fixture
def crops(lab):
    """Crops of two sizes, and a dataset that gives them in an order that the environment sets."""
    lab.zoo.install(lab.site, "iqabench-dataset-shuffled", SHUFFLED)
    (lab.root / "photos").mkdir()
    for seed, size in enumerate([(112, 128), (100, 100)]):
        lab.photos(3, size=size, folder=f"photos/{seed}", seed=seed)
    return lab


def _run(lab, wait_until, out: str, *, batch: int, order: int, workers: int, killed: bool, more=()) -> list:
    lab.environment["ORDER"] = str(order)
    arguments = ("run", "--dataset", "shuffled:photos", *REAL, "--out", out)
    arguments += ("--batch-size", batch, "--workers", workers, *more)
    if killed:
        process = lab.start(*arguments)
        images = lab.root / out / "images"
        wanted = random.Random(out).randint(2, 16)
        wait_until(lambda: len([*images.rglob("[!.]*.png")]) >= wanted or process.poll() is not None)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
    done = lab.command(*arguments)
    assert done.returncode == 0, done.stderr
    return lab.table(out)


PAIRS = [
    # Every two values of two factors meet in one of these.
    {"batch": 1, "order": 1, "workers": 1, "killed": False},
    {"batch": 7, "order": 2, "workers": 2, "killed": False},
    {"batch": 32, "order": 1, "workers": 2, "killed": True},
    {"batch": 1, "order": 2, "workers": 2, "killed": True},
    {"batch": 7, "order": 1, "workers": 1, "killed": True},
    {"batch": 32, "order": 2, "workers": 1, "killed": False},
]


@pytest.mark.parametrize("more", [(), ("--strict",)], ids=["as it comes", "strict"])
def test_pairs_of_circumstances(crops, wait_until, more) -> None:
    chosen = PAIRS if not more else PAIRS[1:3]
    tables = [_run(crops, wait_until, f"run-{i}", more=more, **how) for i, how in enumerate(chosen)]
    assert len(tables[0]) == 6 * (3 + 1)
    for how, table in zip(chosen[1:], tables[1:], strict=True):
        assert table == tables[0], how


@pytest.mark.slow
def test_all_circumstances(crops, wait_until) -> None:
    tables = {}
    for number, (batch, order, workers, killed) in enumerate(product((1, 7, 32), (1, 2), (1, 2), (False, True))):
        how = {"batch": batch, "order": order, "workers": workers, "killed": killed}
        tables[str(how)] = _run(crops, wait_until, f"run-{number}", **how)
    assert len({str(table) for table in tables.values()}) == 1
