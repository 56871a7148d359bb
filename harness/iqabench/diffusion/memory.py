"""Networks that take turns on a device that is too small for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from iqabench.specs import Param

if TYPE_CHECKING:
    import torch
    from torch import nn

OFFLOAD = Param(
    name="offload",
    default=False,
    help="keep each network in main memory and bring it to the device only while it runs: slower, needs less",
)
"""The parameter of models that can do so; ``iqabench.loading`` then does not ask for all of ``memory_mb``."""


def resting_place(device: torch.device, offload: bool) -> torch.device | str:
    """Where a network is loaded to: the device, or main memory."""
    return "cpu" if offload else device


@contextmanager
def running(*networks: nn.Module, device: torch.device, offload: bool) -> Iterator[None]:
    """Hold the networks on ``device`` while the block runs; with ``offload`` they go back to main memory."""
    if not offload:
        yield
        return
    try:
        for network in networks:
            network.to(device)
        yield
    finally:
        for network in networks:
            network.to("cpu")
