"""ARNIQA's official files: the encoder with its projector, and the regressors, each a TorchScript archive."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from iqabench.compat.batchnorm import with_counters
from iqabench.compat.timm import create_network
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench_iqa_arniqa.torchscript import is_torchscript, read_torchscript

FEATURES = 2048
# The official encoder numbers the children of a ResNet-50: 0 and 1 are its stem, 4 to 7 its stages.
_NAMES = ((r"^model\.0\.", "model.conv1."), (r"^model\.1\.", "model.bn1."))
_STAGE = re.compile(r"^model\.([4-7])\.")


class _Official(nn.Module):
    """All that ``ARNIQA.pth`` holds. The projector served training only."""

    def __init__(self) -> None:
        super().__init__()
        self.model = create_network("resnet50", num_classes=0)
        self.projector = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(), nn.Linear(FEATURES, 128))


class Regressor(nn.Module):
    """Ridge regression: (N, 4096) -> (N,), in the units of the data set that it was fitted to."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.empty(1, 2 * FEATURES))
        self.biases = nn.Parameter(torch.empty(()))

    def forward(self, features: Tensor) -> Tensor:
        return features @ self.weights[0] + self.biases


def load_encoder(path: Path) -> nn.Module:
    """ResNet-50 that gives pooled features (N, 2048), from ``ARNIQA.pth``. Raises WeightsErrors."""
    official = _Official()
    state = {_renamed(key): value for key, value in unwrap(read_checkpoint(path)).items()}
    load_strictly(official, with_counters(state, official), path)
    return official.model


def load_regressor(path: Path) -> Regressor:
    """From an official archive, or a checkpoint that holds the same two tensors. Raises WeightsErrors."""
    state = read_torchscript(path) if is_torchscript(path) else unwrap(read_checkpoint(path))
    if "biases" in state and state["biases"].numel() == 1:
        state["biases"] = state["biases"].reshape(())
    regressor = Regressor()
    load_strictly(regressor, state, path)
    return regressor.eval()


def _renamed(key: str) -> str:
    for old, new in _NAMES:
        key = re.sub(old, new, key)
    return _STAGE.sub(lambda stage: f"model.layer{int(stage[1]) - 3}.", key)
