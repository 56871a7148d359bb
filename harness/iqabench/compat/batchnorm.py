"""Batch norm in trained networks: the counters that old checkpoints lack, and its folding into convolutions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_COUNTER = "num_batches_tracked"


def with_counters(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """``state`` with a zero for each counter of batches that ``network`` has and the checkpoint lacks.

    PyTorch before 0.4.1 saved none, and inference reads none.
    """
    missing = [key for key in network.state_dict() if key.endswith(f".{_COUNTER}") and key not in state]
    return {**state, **{key: torch.zeros((), dtype=torch.long) for key in missing}}


def fold_batch_norms(network: nn.Module) -> None:
    """Multiply each batch norm into the convolution before it, in place; the network computes the same.

    For networks in eval mode whose modules are registered in the order in which they are computed, as those
    of the ResNet family are: a norm belongs to the convolution that its module holds right before it.
    """
    before: tuple[str, nn.Module] | None = None
    for name, child in list(network.named_children()):
        if isinstance(child, nn.BatchNorm2d) and before is not None and isinstance(before[1], nn.Conv2d):
            setattr(network, before[0], fuse_conv_bn_eval(before[1], child))
            setattr(network, name, getattr(child, "act", nn.Identity()))  # timm's norms may hold an activation
        else:
            fold_batch_norms(child)
        before = name, child
