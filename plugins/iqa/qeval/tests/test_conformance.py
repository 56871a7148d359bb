"""The contract, on a tiny checkpoint in the official layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqabench.testing import ScorerContract
from iqabench.testing.qwen2vl import tiny_state, write_qwen2vl
from iqabench.types import ParamValue


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    return write_qwen2vl(folder, tiny_state())


class TestQeval(ScorerContract):
    id = "aigc.qeval"
    weights = checkpoint
