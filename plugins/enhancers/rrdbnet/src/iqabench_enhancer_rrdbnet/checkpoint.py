"""RRDBNet's weights from any of the three layouts in which they are given away.

ncnn's ``.bin``, as in the packages declared; the checkpoints of Real-ESRGAN and BasicSR (a state under
``params_ema`` or ``params``); and those of ESRGAN and RealSR, older names for the same layers.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from iqabench.weights.ncnn import is_ncnn, read_convolutions
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap

_OLD_NAMES = (
    (r"^RRDB_trunk\.(\d+)\.RDB([123])\.", r"body.\1.rdb\2."),
    (r"^trunk_conv\.", "conv_body."),
    (r"^upconv([12])\.", r"conv_up\1."),
    (r"^HRconv\.", "conv_hr."),
)


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill ``network`` from the file. Raises KeysMismatch where they do not fit, and other WeightsErrors."""
    if is_ncnn(path):
        shapes = {
            name: tuple(layer.weight.shape) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)
        }
        state = {key: torch.from_numpy(array) for key, array in read_convolutions(path, shapes).items()}
    else:
        state = {_renamed(key): value for key, value in _official(path).items()}
    load_strictly(network, state, path)


def _official(path: Path) -> dict[str, Tensor]:
    return unwrap(read_checkpoint(path), "params_ema", "params")


def _renamed(key: str) -> str:
    for old, new in _OLD_NAMES:
        key = re.sub(old, new, key)
    return key
