"""MUSIQ's checkpoints: the authors', arrays of Flax in an .npz file, and those that pyiqa converted to PyTorch."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from iqabench.errors import KeysMismatch, WeightsError
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench_iqa_musiq.network import HEADS, WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iqabench_iqa_musiq.network import MusiqNetwork

ROOT = "opt/target/"  # the parameters; beside them lies what the optimiser kept
_NAMES = (
    (r"transformer_encoder\.transformer\.(encoderblock_\d+)\.", r"Transformer/\1/"),
    (r"transformer_encoder\.posembed_input\.position_emb", "Transformer/posembed_input/pos_embedding"),
    (r"transformer_encoder\.scaleembed_input\.scale_emb", "Transformer/scaleembed_input/scale_embedding"),
    (r"transformer_encoder\.(encoder_norm|cls)", r"Transformer/\1"),
    (r"/norm1\.", "/LayerNorm_0."),
    (r"/attention\.", "/MultiHeadDotProductAttention_1/"),
    (r"/norm2\.", "/LayerNorm_2."),
    (r"/mlp\.fc1\.", "/MlpBlock_3/Dense_0."),
    (r"/mlp\.fc2\.", "/MlpBlock_3/Dense_1."),
    (r"^block1\.", "block1/unit1/"),
    (r"(LayerNorm_\d|encoder_norm|gn_?\w+)\.weight$", r"\1/scale"),
    (r"\.weight$", "/kernel"),
    (r"\.bias$", "/bias"),
)


def load_weights(network: MusiqNetwork, path: Path) -> None:
    """Fill ``network`` from either kind of file, told by its content; key for key.

    Raises WeightsError, KeysMismatch, UnsafeWeights.
    """
    if _holds_arrays(path):
        state = _from_flax(path, network.state_dict())
    else:
        state = unwrap(read_checkpoint(path), "params")
        state = {re.sub(r"^head\.0\.", "head.", key): value for key, value in state.items()}
    load_strictly(network, state, path)


def flax_name(key: str) -> str:
    """What the authors' checkpoint calls the network's parameter ``key``."""
    for pattern, name in _NAMES:
        key = re.sub(pattern, name, key)
    return ROOT + key


def flax_shape(key: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that it has there."""
    if key.endswith("cls") or "_emb" in key:
        return shape if len(shape) == 3 else (1, *shape)
    if "attention." in key:
        heads = (HEADS, WIDTH // HEADS)
        if key.endswith("bias"):
            return shape if ".out." in key else heads
        return (*heads, shape[0]) if ".out." in key else (shape[1], *heads)
    if re.search(r"gn_?\w+\.\w+$", key):
        return (1, 1, 1, *shape)
    if len(shape) == 4:
        return (*shape[2:], shape[1], shape[0])
    return shape[::-1]


def _from_flax(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a Flax checkpoint under the names and in the shapes ``wanted``, of which it has to be whole."""
    names = {flax_name(key): key for key in wanted}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            held = [name for name in file.files if name.startswith(ROOT)]
            missing = [name for name in names if name not in held]
            unexpected = [name for name in held if name not in names]
            arrays = {} if missing or unexpected else {name: np.asarray(file[name], np.float32) for name in held}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError) as error:
        raise WeightsError(f"{path} is damaged: {' '.join(str(error).split())}.") from error
    reshaped = [
        name
        for name, value in arrays.items()
        if value.shape != flax_shape(names[name], tuple(wanted[names[name]].shape))
    ]
    if missing or unexpected or reshaped:
        raise KeysMismatch(str(path), missing=missing, unexpected=unexpected, reshaped=reshaped)
    return {names[name]: _as_torch(names[name], value, wanted[names[name]]) for name, value in arrays.items()}


def _as_torch(key: str, value: np.ndarray, like: Tensor) -> Tensor:
    tensor = torch.from_numpy(value)
    if like.ndim == 4:
        return tensor.permute(3, 2, 0, 1)
    if like.ndim == 2 and "_emb" not in key:  # (inputs, outputs), each perhaps split into heads
        inputs = like.shape[1]
        return tensor.reshape(inputs, -1).mT
    return tensor.reshape(like.shape)


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return any(name.endswith(".npy") for name in file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
