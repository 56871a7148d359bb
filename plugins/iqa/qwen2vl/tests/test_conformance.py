"""The contract, on a tiny checkpoint in the official layout that can only answer with a number."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqabench.testing import ScorerContract
from iqabench.testing.qwen2vl import tiny_state, write_qwen2vl
from iqabench.types import ParamValue


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    return write_qwen2vl(folder, tiny_state(numbers=not spec.id.endswith("-levels")))


class TestUgc(ScorerContract):
    id = "ugc.qwen2vl"
    weights = checkpoint


class TestAigc(ScorerContract):
    id = "aigc.qwen2vl"
    weights = checkpoint


class TestMixed(ScorerContract):
    id = "mixed.qwen2vl"
    weights = checkpoint


class TestUgcLevels(ScorerContract):
    id = "ugc.qwen2vl-levels"
    weights = checkpoint


class TestAigcLevels(ScorerContract):
    id = "aigc.qwen2vl-levels"
    weights = checkpoint


class TestMixedLevels(ScorerContract):
    id = "mixed.qwen2vl-levels"
    weights = checkpoint
