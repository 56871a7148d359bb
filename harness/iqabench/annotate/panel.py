"""Where each rater is, and what a vote, an undo or a break makes of it. The pages only ask and show."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from iqabench.annotate.log import Conflict, Event, Log, Rater, effective
from iqabench.annotate.order import Presentation, presentations
from iqabench.annotate.settings import SCALE, Method, Settings
from iqabench.datasets.built import read_entries
from iqabench.datasets.layout import Layout
from iqabench.datasets.tables import Row
from iqabench.errors import UsageError

AHEAD = 4
"""Screens that a browser may load before they are due."""
REST_SECONDS = 300.0
"""A pause this long begins a new session."""
CHOICES = {"pc": (0.0, 0.5, 1.0)}
"""Votes other than 1 to 5: in a pair, 1 prefers the first image, 0 the second, 0.5 neither."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Screen:
    """What a rater is to see. ``images`` are addresses; ``training`` says that the vote is practice."""

    position: int
    images: tuple[str, ...]
    training: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """``screens`` are the one that is due and those after it, none at the end; ``total`` counts all of the rater's.

    ``rest`` says that a break is due, ``undoable`` that a vote can be taken back.
    """

    screens: tuple[Screen, ...]
    done: int
    total: int
    rest: bool
    undoable: bool


class Panel:
    """The raters of one dataset. ``now`` is the clock, in seconds since 1970."""

    def __init__(self, folder: Path, settings: Settings, log: Log, *, now: Callable[[], float] = time.time) -> None:
        self.folder, self.settings, self.log, self._now = folder, settings, log, now
        self.entries = read_entries(folder)
        layout = Layout(folder)
        self._files = {
            entry.file: layout.image(entry.file, Row(folder, f"row {number}", {}))
            for number, entry in enumerate(self.entries, 2)
        }
        self._key = log.secret("images").encode()

    @property
    def method(self) -> Method:
        return self.settings.method

    @property
    def choices(self) -> tuple[float, ...]:
        return CHOICES.get(self.method, tuple(float(vote) for vote in range(SCALE[0], SCALE[1] + 1)))

    def enrol(self, name: str) -> Rater:
        """A new rater, with an order of their own. Raises UsageError where the name is taken."""
        return self.log.add_rater(name, presentations(self.entries, self.settings, name))

    def status(self, rater: Rater) -> Status:
        events = self.log.events(rater.id)
        held = effective(events)
        total = self.log.length(rater.id)
        at = _next(held, total)
        screens = tuple(self._screen(rater, position) for position in range(at, min(at + 1 + AHEAD, total)))
        return Status(
            screens=screens,
            done=len(held),
            total=total,
            rest=bool(screens) and self._rest_is_due(events),
            undoable=bool(held),
        )

    def vote(self, rater: Rater, nonce: str, position: int, vote: float, duration: float) -> None:
        """Put a vote on record. Given twice with one ``nonce`` it counts once.

        Raises UsageError for a vote that is none, Conflict where the rater is at another screen by now.
        """
        if vote not in self.choices:
            raise UsageError(
                f"{vote:g} is no vote.", hint=f"It is one of {', '.join(f'{one:g}' for one in self.choices)}."
            )
        if not 0 <= duration <= 86400:
            raise UsageError("The duration is not in seconds.")
        total = self.log.length(rater.id)

        def due(events: Sequence[Event]) -> bool:
            return position < total and position == _next(effective(events), total)

        self.log.add(
            rater.id, nonce, "vote", position=position, vote=vote, duration=duration, allowed=due, at=self._now()
        )

    def undo(self, rater: Rater, nonce: str) -> None:
        """Take the latest vote back, so that its screen comes again. Raises Conflict where there is none."""
        held = effective(self.log.events(rater.id))
        if not held:
            raise Conflict("There is no vote to take back.")
        last = max(held.values(), key=lambda event: event.id)

        def still(events: Sequence[Event]) -> bool:
            now = effective(events).get(last.position if last.position is not None else -1)
            return now is not None and now.id == last.id

        self.log.add(rater.id, nonce, "undo", position=last.position, allowed=still, at=self._now())

    def rested(self, rater: Rater, nonce: str) -> None:
        """The rater goes on after a break."""
        self.log.add(rater.id, nonce, "break", at=self._now())

    def image(self, rater: Rater, position: int, slot: int, mark: str) -> Path | None:
        """The file behind an address, None where it is not this rater's to see by now."""
        if not hmac.compare_digest(self._mark(rater, position, slot).encode(), mark.encode()):
            return None
        shown = self.log.presentation(rater.id, position)
        names = _images(shown) if shown else ()
        return self._files.get(names[slot]) if 0 <= slot < len(names) else None

    def _screen(self, rater: Rater, position: int) -> Screen:
        shown = self.log.presentation(rater.id, position)
        assert shown is not None
        slots = range(len(_images(shown)))
        return Screen(
            position=position,
            images=tuple(f"/image/{position}/{slot}/{self._mark(rater, position, slot)}" for slot in slots),
            training=shown.kind == "train",
        )

    def _mark(self, rater: Rater, position: int, slot: int) -> str:
        """What makes an address unguessable, so that nobody looks ahead, or at another rater's images."""
        text = f"{rater.id}/{position}/{slot}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:32]

    def _rest_is_due(self, events: Sequence[Event]) -> bool:
        """Whether the rater has voted for longer than a session without a pause."""
        start = latest = None
        for event in events:
            if event.what == "break" or latest is None or event.t - latest > REST_SECONDS:
                start = event.t
            latest = event.t
        if start is None or latest is None or self._now() - latest > REST_SECONDS:
            return False
        return self._now() - start >= 60 * self.settings.break_minutes


def _next(held: dict[int, Event], total: int) -> int:
    """The first position without a vote."""
    return next((position for position in range(total) if position not in held), total)


def _images(shown: Presentation) -> tuple[str, ...]:
    return (shown.image, shown.other) if shown.other else (shown.image,)
