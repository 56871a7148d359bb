"""Networks of timm, to be filled from a checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from iqabench.compat.torchvision import import_beside_torchvision


def create_network(name: str, **options: Any) -> nn.Module:
    """timm's network ``name`` on the CPU in eval mode, as ``timm.create_model`` makes it with ``options``.

    Nothing is downloaded, and weights are not initialised: load a whole state into it. Where a network holds
    constants that no checkpoint has, they are there.
    """
    timm = import_beside_torchvision("timm")
    with torch.device("meta"):
        network: nn.Module = timm.create_model(name, pretrained=False, **options)
    if dict(network.named_buffers()).keys() <= network.state_dict().keys():
        network.to_empty(device="cpu")
    else:
        network = timm.create_model(name, pretrained=False, **options)
    return network.eval()
