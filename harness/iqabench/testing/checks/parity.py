"""Does the model agree with numbers recorded from its official implementation?"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from iqabench.images import to_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from iqabench.testing.subject import Subject

_ARRAYS = {"images", "references", "seeds", "scores", "outputs", "tolerance"}


class ParityChecks:
    """The file that ``parity`` names lies beside the test and holds arrays: ``images``, and ``references``
    where there are some, uint8 (N, H, W, 3); ``seeds`` (N,) where they matter; ``scores`` (N,), or
    ``outputs`` (N, H, W, 3), uint8 or float in [0, 1]; ``tolerance``, relative for scores (default 1e-4),
    absolute for outputs (default one step of 255)."""

    def test_parity(self, subject: Subject) -> None:
        """If this fails, the model differs from what was recorded: go through it stage by stage (colour,
        range, resizing, padding, rounding). Never record anew from this implementation."""
        if not subject.contract.parity:
            pytest.skip("no recorded numbers")
        path = Path(inspect.getfile(subject.contract)).with_name(subject.contract.parity)
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        assert not set(arrays) - _ARRAYS, f"{path.name} holds unknown arrays: {sorted(set(arrays) - _ARRAYS)}"
        result = subject.run(
            _tensor(arrays["images"]),
            _tensor(arrays["references"]) if subject.full_reference else None,
            seeds=arrays["seeds"].tolist() if "seeds" in arrays else None,
        )
        if subject.spec.kind == "scorer":
            expected = torch.from_numpy(arrays["scores"]).double()
            tolerance = float(arrays.get("tolerance", 1e-4))
            error = (result.double() - expected).abs() / expected.abs().clamp(min=1e-6)
        else:
            expected = _tensor(arrays["outputs"]).double()
            tolerance = float(arrays.get("tolerance", 1.001 / 255))
            assert result.shape == expected.shape
            error = (result.double() - expected).abs()
        worst = float(error.max())
        assert worst <= tolerance, f"differs from the recorded numbers by {worst:.3g}, more than {tolerance:g}"


def _tensor(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    if pixels.dtype == np.uint8:
        return torch.cat([to_tensor(image) for image in pixels.astype(np.uint8)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().contiguous()
