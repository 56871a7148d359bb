from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from iqabench.cli import main as entry

NEW = ("correlate", "mos", "power", "show", "report", "plot")


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def iqabench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command line, as a user meets it: exit code, what was printed, and how errors read."""
    for name in NEW:
        monkeypatch.setitem(entry.COMMANDS, name, (f"iqabench.cli.{name}", ""))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            entry.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def long_table() -> Callable[[pd.DataFrame, dict[str, np.ndarray]], pd.DataFrame]:
    """A run's long table of images (item, mos and whatever else); nan scores count as failed."""

    def make(images: pd.DataFrame, scores: dict[str, np.ndarray]) -> pd.DataFrame:
        base = {"dataset": "", "source": "", "degrader": "", "enhancer": "", "task": "", "image": ""}
        missing = {name: value for name, value in base.items() if name not in images}
        frames = [
            images.assign(
                **missing,
                scorer=scorer,
                score=values,
                status=np.where(np.isnan(values), "failed", "done"),
                reason=np.where(np.isnan(values), "too small", ""),
                seconds=0.0,
                device="cpu",
                seed=0,
            )
            for scorer, values in scores.items()
        ]
        table = pd.concat(frames, ignore_index=True)
        return table.assign(source=table["source"].where(table["source"] != "", table["item"]))

    return make
