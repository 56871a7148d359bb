"""HyperIQA's checkpoints: the authors', and pyiqa's, which names the same layers otherwise."""

from __future__ import annotations

import re
from pathlib import Path

from iqabench.compat.batchnorm import with_counters
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_iqa_hyperiqa.network import HyperNet

_BACKBONE = re.compile(r"^base_model\.")
_LOCAL = re.compile(r"^lda_modules\.(\d)\.(\d)\.")
_GENERATOR = re.compile(r"^fc_([wb])_modules\.(\d)\.(?:2\.)?")


def load_weights(network: HyperNet, path: Path) -> None:
    """Fill ``network`` from either layout. Raises KeysMismatch where it does not fit, and other WeightsErrors."""
    state = strip_prefix(unwrap(read_checkpoint(path), "params"), "module.")
    if any(_BACKBONE.match(key) for key in state):
        state = {_renamed(key): value for key, value in state.items()}
    load_strictly(network, with_counters(state, network), path)


def _renamed(key: str) -> str:
    """The official name of one of pyiqa's keys."""
    if local := _LOCAL.match(key):
        part = "pool.0" if local[2] == "0" else "fc"
        return f"res.lda{int(local[1]) + 1}_{part}.{key[local.end() :]}"
    if generator := _GENERATOR.match(key):
        layer = int(generator[2]) + 1
        kind = "conv" if generator[1] == "w" and layer < 5 else "fc"
        return f"fc{layer}{generator[1]}_{kind}.{key[generator.end() :]}"
    return _BACKBONE.sub("res.", key)
