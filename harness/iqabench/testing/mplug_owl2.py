"""Checkpoints of mPLUG-Owl2 in the official layout, of any size, for the tests of the scorers that rest on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iqabench.testing.checkpoints import Fill, Manifest, fill, generate, manifest_of, save, save_shards
from iqabench.testing.sentencepieces import write_sentencepiece


def owl_manifest(config: Path) -> Manifest:
    """What the network of a ``config.json`` saves."""
    from iqabench.lmm.mplug_owl2.config import read_owl_config
    from iqabench.lmm.mplug_owl2.network import MplugOwl2

    with torch.device("meta"):
        return manifest_of(MplugOwl2(read_owl_config(config)))


def write_owl(
    folder: Path, config: Mapping[str, Any], pieces: Mapping[str, int], *, seed: int = 0, fill: Fill = fill
) -> Path:
    """``config.json``, ``tokenizer.model`` and ``pytorch_model.bin``, filled by ``seed``. Gives ``folder``."""
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    write_sentencepiece(folder / "tokenizer.model", pieces, config["vocab_size"])
    save(generate(owl_manifest(path), seed, fill=fill), folder / "pytorch_model.bin")
    return folder


def split_into_shards(folder: Path, names: list[str]) -> None:
    """Put what ``pytorch_model.bin`` holds into shards of these names, with the index that goes with them."""
    whole = folder / "pytorch_model.bin"
    save_shards(torch.load(whole, weights_only=True), folder, names)
    whole.unlink()
