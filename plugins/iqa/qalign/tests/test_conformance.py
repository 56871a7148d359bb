"""The contract, on a tiny checkpoint in the official layout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import ScorerContract
from iqabench.testing.mplug_owl2 import write_owl
from iqabench.types import ParamValue

HERE = Path(__file__).parent
PIECES = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))
TINY = json.loads((HERE / "config.json").read_text()) | {"vocab_size": 320}
NUMBERED = {piece: 259 + at for at, piece in enumerate(PIECES)}


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    return {path.name: path for path in write_owl(folder, TINY, NUMBERED).iterdir()}


class TestUgc(ScorerContract):
    id = "ugc.qalign"
    weights = checkpoint


class TestAigc(ScorerContract):
    id = "aigc.qalign"
    weights = checkpoint


class TestMixed(ScorerContract):
    id = "mixed.qalign"
    weights = checkpoint


class TestAesthetics(ScorerContract):
    id = "ugc.qalign"
    params: ClassVar = {"weights": "aesthetic", "task": "aesthetics"}
    weights = checkpoint
