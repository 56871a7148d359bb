"""The contract, on made weights of a smaller network in the official layout."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import generate, manifest_of, save
from iqabench.types import ParamValue
from iqabench_enhancer_nerco.network import Config, NeRCo

SMALL = Config(features=16, blocks=2, mask_blocks=1, hidden=(24, 24))


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    network = NeRCo(SMALL)
    parts = {"G_A": network.generator, "Pre": network.normaliser, "H": network.extractor}
    files = {f"latest_net_{name}.pth": generate(manifest_of(part)) for name, part in parts.items()}
    config = folder / "config.json"
    config.write_text(json.dumps(asdict(SMALL)), encoding="utf-8")
    return {"config.json": config, **{name: save(state, folder / name) for name, state in files.items()}}


class TestNerco(EnhancerContract):
    id = "lle.nerco"
    weights = checkpoint


class TestMirrored(EnhancerContract):
    id = "lle.nerco"
    params: ClassVar = {"weights": "lsrw", "resize": False}
    weights = checkpoint
