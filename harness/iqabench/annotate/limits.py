"""How often and how much a client may ask: a bucket of tokens each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

BODY_BYTES = 4096
"""No honest request is longer."""
_REMEMBERED = 10_000


@dataclass(slots=True)
class Rate:
    """At most ``burst`` at once, and ``per_second`` in the long run, for each name."""

    burst: float
    per_second: float
    now: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def allows(self, name: str) -> bool:
        now = self.now()
        left, since = self._left.pop(name, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        if len(self._left) >= _REMEMBERED:
            self._left.pop(next(iter(self._left)))  # the longest unheard of
        self._left[name] = (left - 1 if left >= 1 else left, now)
        return left >= 1
