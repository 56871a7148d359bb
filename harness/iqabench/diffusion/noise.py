"""Noise that depends on each image's own seed alone, whatever the batch and the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Noise = Callable[[Sequence[int]], Tensor]
"""A shape (N, ...) -> normal noise. Tests put recorded noise in the place of ``SeededNoise``."""


class SeededNoise:
    """Called with a shape (N, ...), the next standard normal draw of every image, (N, ...) in float32.

    Each image has a generator of its own, on the CPU, made from its seed.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.device = device

    def __call__(self, shape: Sequence[int]) -> Tensor:
        if shape[0] != len(self.generators):
            raise ValueError(f"noise for {shape[0]} images was asked of {len(self.generators)} seeds.")
        draws = [torch.randn(tuple(shape[1:]), generator=each) for each in self.generators]
        return torch.stack(draws).to(self.device)
