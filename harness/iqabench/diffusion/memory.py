"""Networks that take turns on a device that is too small for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


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
