"""The contract, on made weights of a smaller network in the official layout."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from iqabench.testing import EnhancerContract
from iqabench.testing.checkpoints import fill, generate, manifest_of, save
from iqabench.types import ParamValue
from iqabench_enhancer_glare.config import Config
from iqabench_enhancer_glare.network import Codebook, Glare

SMALL = Config(
    channels=32, blocks=1, codes=64, condition=8, hidden=8, flow_levels=1, plain_steps=1, coupled_steps=2, unused=(4, 4)
)


def mild(key: str, shape: Sequence[int], dtype: str, seed: int) -> Tensor:
    """Random scales of the flow's steps, with which one divides backwards, would overflow."""
    return fill(key, shape, dtype, seed) * (0.1 if key.endswith("logs") else 1)


def checkpoint(folder: Path, spec: Any, params: Mapping[str, ParamValue]) -> dict[str, Path]:
    config = folder / "config.json"
    config.write_text(json.dumps(asdict(SMALL)), encoding="utf-8")
    return {
        "config.json": config,
        "net_G.pth": save(generate(manifest_of(Glare(SMALL)), fill=mild), folder / "net_G.pth"),
        "vqgan.pkl": save(generate(manifest_of(Codebook(SMALL))), folder / "vqgan.pkl"),
    }


class TestGlare(EnhancerContract):
    id = "lle.glare"
    weights = checkpoint
    # Held to account in test_parity.py, where the latents are recorded ones.
    waivers: ClassVar = {"cuda": "made latents lie between codes: where the last bit takes another, pixels are others"}
