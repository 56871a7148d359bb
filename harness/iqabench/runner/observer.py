"""What a run tells whoever watches it. The command line draws bars; a program may draw nothing."""

from __future__ import annotations

from collections.abc import Sequence

from iqabench.plan import Plan
from iqabench.store import Outcome


class Observer:
    """Hears of a run as it goes; does nothing with it. Override what is of interest."""

    def note(self, text: str) -> None:
        """Something a person should know, in one line."""

    def scanning(self, total: int) -> None:
        """``total`` photos are about to be looked at."""

    def scanned(self) -> None:
        """One photo was looked at."""

    def planned(self, plan: Plan, done: int) -> None:
        """The plan stands; ``done`` of its cells were computed before."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins, with ``total`` cells to compute."""

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Cells of the present stage are done or have failed."""

    def stage_over(self) -> None:
        """The present stage has ended."""
