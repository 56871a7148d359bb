"""Votes on record: each counted once, none changed, none lost; where raters are, and when they rest."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from iqabench.annotate.log import Conflict, Log, Rater, effective
from iqabench.annotate.panel import Panel
from iqabench.datasets.built import VOTES
from iqabench.errors import DatasetError, StoreError, UsageError


def vote(panel: Panel, rater: Rater, position: int, value: float = 3, nonce: str = "") -> None:
    panel.vote(rater, nonce or f"nonce-{position}", position, value, 1.5)


def test_votes_move_a_rater_on(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    anna, ben = panel.enrol("anna"), panel.enrol("ben")
    assert panel.status(anna).screens[0].position == 0
    for position in range(3):
        vote(panel, anna, position)
    assert (panel.status(anna).done, panel.status(anna).screens[0].position) == (3, 3)
    assert panel.status(ben).done == 0
    assert len(panel.status(anna).screens) == 5


def test_the_same_request_again_counts_once(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    for _ in range(3):
        vote(panel, anna, 0, 4, nonce="the-same-nonce")
    assert [event.vote for event in panel.log.events(anna.id)] == [4]


def test_a_vote_for_another_screen_is_refused(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    vote(panel, anna, 0)
    for position in (0, 2, -1, 10_000):
        with pytest.raises(Conflict):
            vote(panel, anna, position, nonce=f"another-{position}")
    assert panel.status(anna).done == 1


@pytest.mark.parametrize("value", [0, 6, 2.5, -1])
def test_what_is_no_vote_is_refused(panel_of: Callable[..., Panel], value: float) -> None:
    panel = panel_of()
    with pytest.raises(UsageError, match="1, 2, 3, 4, 5"):
        vote(panel, panel.enrol("anna"), 0, value)


def test_taking_back_brings_the_screen_again(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    for position in range(3):
        vote(panel, anna, position, 2)
    panel.undo(anna, "undo-1")
    panel.undo(anna, "undo-1")  # the same request, answered twice
    assert panel.status(anna).screens[0].position == 2
    vote(panel, anna, 2, 5, nonce="anew")
    held = effective(panel.log.events(anna.id))
    assert {position: event.vote for position, event in held.items()} == {0: 2, 1: 2, 2: 5}
    assert len(panel.log.events(anna.id)) == 5


def test_nothing_can_be_taken_back_at_the_start(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    with pytest.raises(Conflict, match="no vote"):
        panel.undo(panel.enrol("anna"), "undo-1")


def test_the_end(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    total = panel.status(anna).total
    assert total == 24
    for position in range(total):
        vote(panel, anna, position)
    status = panel.status(anna)
    assert (status.screens, status.done, status.rest) == ((), 24, False)


def test_a_rest_is_due_after_a_session(panel_of: Callable[..., Panel], clock) -> None:
    panel = panel_of(break_minutes=30)
    anna = panel.enrol("anna")
    start = clock.now
    for position in range(10):
        clock.now = start + 200 * position
        vote(panel, anna, position)
        assert panel.status(anna).rest == (200 * position >= 1800)
    panel.rested(anna, "rested-1")
    assert not panel.status(anna).rest
    vote(panel, anna, 10)
    assert not panel.status(anna).rest


def test_a_long_pause_is_a_rest(panel_of: Callable[..., Panel], clock) -> None:
    panel = panel_of(break_minutes=1)
    anna = panel.enrol("anna")
    vote(panel, anna, 0)
    clock.now += 90
    assert panel.status(anna).rest
    clock.now += 600
    assert not panel.status(anna).rest
    vote(panel, anna, 1)
    assert not panel.status(anna).rest


def test_images_are_shown_to_whom_they_are_due(panel_of: Callable[..., Panel], dataset: Path) -> None:
    panel = panel_of()
    anna, ben = panel.enrol("anna"), panel.enrol("ben")
    _, _, position, slot, mark = panel.status(anna).screens[0].images[0].split("/")
    file = panel.image(anna, int(position), int(slot), mark)
    assert file is not None
    assert file.is_relative_to(dataset)
    assert panel.image(ben, 0, 0, mark) is None
    assert panel.image(anna, 1, 0, mark) is None
    assert panel.image(anna, 0, 0, mark[:-1] + "é") is None
    assert panel.image(anna, 0, 1, mark) is None


def test_two_devices_at_once_count_one_vote(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    anna = panel.enrol("anna")
    outcomes: list[str] = []

    def device(number: int) -> None:
        for position in range(12):
            try:
                vote(panel, anna, position, nonce=f"device-{number}-{position}")
                outcomes.append("done")
            except Conflict:
                outcomes.append("refused")

    threads = [threading.Thread(target=device, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = panel.log.events(anna.id)
    assert len(events) == len({event.position for event in events}) == outcomes.count("done")


def test_the_log_cannot_be_rewritten(panel_of: Callable[..., Panel], dataset: Path) -> None:
    panel = panel_of()
    vote(panel, panel.enrol("anna"), 0)
    with sqlite3.connect(dataset / VOTES / "votes.sqlite") as other:
        for statement in ("update events set vote = 5", "delete from events", "delete from presentations"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                other.execute(statement)
    assert (dataset / VOTES / "votes.sqlite").stat().st_mode & 0o077 == 0


def test_names_are_taken_once(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of()
    panel.enrol("anna")
    with pytest.raises(UsageError, match="already"):
        panel.enrol("anna")
    for name in ("", " ", "a\nb", "x" * 200):
        with pytest.raises(UsageError, match="no name"):
            panel.enrol(name)


def test_a_damaged_log_is_named(dataset: Path) -> None:
    (dataset / VOTES).mkdir()
    (dataset / VOTES / "votes.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(StoreError, match=r"votes\.sqlite"):
        Log(dataset)


def test_what_was_never_rated_says_how_to_begin(dataset: Path) -> None:
    with pytest.raises(DatasetError, match="annotate serve"):
        Log(dataset)
