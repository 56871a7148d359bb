"""Image files decoded ahead of the model that wants them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iqabench.images import read_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECODED_BYTES = 256 << 20
DECODERS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Threads that decode: enough to keep up, few enough to leave the model its processors."""
READ_AHEAD = 8 * DECODERS
"""Images decoded and not yet taken. One more is begun when one is taken, rather than all at once: so decoding falls
into the time of the model, and not between its calls."""


class Decoder:
    """Reads images ahead on threads, and keeps the latest, up to a number of bytes, for the next model."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(DECODERS, thread_name_prefix="decode")
        self._kept: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._bytes = 0
        self._reading: dict[str, Future[NDArray[np.uint8]]] = {}
        self._planned: deque[str] = deque()
        self._lock = threading.Lock()

    def plan(self, paths: Iterable[str]) -> None:
        """Images that will be wanted, in this order: each time that one is taken, another is begun."""
        with self._lock:
            self._planned.extend(paths)
            self._begin()

    def _begin(self) -> None:  # called with the lock held
        while self._planned and len(self._reading) < READ_AHEAD:
            path = self._planned.popleft()
            if path not in self._kept and path not in self._reading:
                self._reading[path] = self._pool.submit(read_image, Path(path))

    def drop(self, paths: Iterable[str], *, planned: bool = False) -> None:
        """Let go of what was read ahead and then not taken; and of what was still to be, if it is not wanted at all."""
        with self._lock:
            for path in paths:
                if reading := self._reading.pop(path, None):
                    reading.cancel()
                elif planned and path in self._planned:
                    self._planned.remove(path)
            self._begin()

    def get(self, path: str) -> NDArray[np.uint8]:
        """The decoded image. Raises ImageError."""
        with self._lock:
            if path in self._kept:
                self._kept.move_to_end(path)
                return self._kept[path]
            reading = self._reading.pop(path, None)
            self._begin()
        pixels = reading.result() if reading else read_image(Path(path))
        with self._lock:
            if path not in self._kept:
                self._kept[path] = pixels
                self._bytes += pixels.nbytes
            while self._bytes > DECODED_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return pixels
