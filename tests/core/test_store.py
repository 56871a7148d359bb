"""The run folder: what is on record stays, and names are safe."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from iqabench.errors import StoreError
from iqabench.store import FileFacts, Outcome, Store


def test_outcomes_are_kept_and_replaced(tmp_path: Path) -> None:
    with Store(tmp_path / "run") as store:
        store.record([Outcome("a", "done", 0.1 + 0.2, 1.5, "cpu"), Outcome("b", "failed", reason="why")])
        store.record([])
    with Store(tmp_path / "run", create=False) as store:
        assert store.outcomes()["a"].score == 0.1 + 0.2
        store.record([Outcome("b", "done", 1.0)])
        assert store.outcomes()["b"] == Outcome("b", "done", 1.0)


def test_all_or_nothing(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with pytest.raises(StoreError):
            store.record([Outcome("a", "done", 1.0), Outcome("b", None, 1.0)])
        assert store.outcomes() == {}
        store.record([Outcome("a", "done", 1.0)])
        assert set(store.outcomes()) == {"a"}


def test_facts_of_files(tmp_path: Path) -> None:
    facts = FileFacts("a.png", 5, 1_700_000_000_123_456_789, "d" * 64, 3, 4)
    with Store(tmp_path) as store:
        store.remember([facts])
        assert store.files() == {"a.png": facts}


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a run folder"):
        Store(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_the_lock_keeps_others_out_and_scratch_is_cleared(tmp_path: Path) -> None:
    order = []
    with Store(tmp_path) as first:
        held, begun = threading.Event(), threading.Event()

        def second() -> None:
            with Store(tmp_path) as store, store.lock(waiting=begun.set):
                order.append("second")

        with first.lock():
            thread = threading.Thread(target=second)
            thread.start()
            assert begun.wait(10)
            order.append("first")
            first.scratch.mkdir()
            (first.scratch / ".half.png.abcd.tmp").touch()
            (tmp_path / ".scores.csv.abcd.tmp").touch()
            held.set()
        thread.join(10)
    assert order == ["first", "second"]
    assert not list(tmp_path.rglob("*.tmp"))


def test_image_names_are_readable_safe_and_unique(tmp_path: Path) -> None:
    with Store(tmp_path) as store:

        def place(filed: str, degrader: str = "noise.gaussian[sigma=50]", enhancer: str = "") -> Path:
            cell = SimpleNamespace(filed=filed, degrader=degrader, enhancer=enhancer, key="0123456789abcdef")
            return store.image_path(cell).relative_to(tmp_path)

        assert place("a.png") == Path("images/noise.gaussian[sigma=50]/degraded/a-0123456789ab.png")
        for hostile in ("../../x.png", "/etc/passwd", "-rf", "a\nb\x1b[2J.png", "x" * 400, "日本", "...", ""):
            path = place(hostile, enhancer=hostile)
            assert ".." not in path.parts
            assert len(path.parts) == 4
            assert path.name.endswith("-0123456789ab.png")
            assert len(path.name) < 120
            assert str(path).isascii()
            assert str(path).isprintable()
