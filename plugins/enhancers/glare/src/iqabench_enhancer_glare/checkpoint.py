"""GLARE's official files: ``net_G.pth``, all of it, and the half of ``vqgan.pkl`` that enhancing needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_enhancer_glare.network import Codebook, Glare

TRAINING_ONLY = ("encoder.", "quant_conv.", "conv_semantic.", "vgg_feat_extractor.", "loss.")
"""What else the VQGAN's file may hold."""


def load_weights(network: Glare, codebook: Codebook, files: Mapping[str, Path]) -> None:
    """Fill both from the official files, by name. Raises KeysMismatch and other WeightsErrors."""
    path = files["net_G.pth"]
    load_strictly(network, strip_prefix(unwrap(read_checkpoint(path), "state_dict"), "module."), path)
    path = files["vqgan.pkl"]
    state = strip_prefix(unwrap(read_checkpoint(path), "state_dict"), "module.")
    needed = {key: value for key, value in state.items() if not key.startswith(TRAINING_ONLY)}
    load_strictly(codebook, needed, path)
