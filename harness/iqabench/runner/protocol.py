"""What supervisor and worker say to each other: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from iqabench.types import ParamValue


@dataclass(frozen=True, slots=True)
class Task:
    """One cell, as a worker needs to know it. ``out`` is where its image goes, empty for a score."""

    key: str
    image: str
    reference: str = ""
    size: tuple[int, int] = (0, 0)
    out: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Some cells of one model whose input images share one size. ``batch`` 0 lets the worker choose."""

    model: str
    params: Mapping[str, ParamValue]
    weights: str | Mapping[str, str] | None
    tasks: tuple[Task, ...]
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """What holds for a worker's whole life. ``device`` may be ``auto``; ``index`` tells workers apart, so that
    each takes another GPU; ``threads`` 0 leaves the number to torch; in the folder ``scratch`` images are written
    before they take their place. ``offline`` is told to libraries that download by themselves, too."""

    device: str
    dtype: str
    seed: int
    threads: int
    strict: bool
    scratch: str
    index: int = 0
    offline: bool = False


def to_line(message: Any) -> bytes:
    """A message, or a dataclass of this module, as one line."""
    plain = message if isinstance(message, dict) else asdict(message)
    return json.dumps(plain, separators=(",", ":")).encode() + b"\n"


def job_from(line: bytes) -> Job:
    plain = json.loads(line)
    plain["tasks"] = tuple(Task(**{**task, "size": tuple(task["size"])}) for task in plain["tasks"])
    return Job(**plain)


def setup_from(line: bytes) -> Setup:
    return Setup(**json.loads(line))
