"""What models are to the harness: callables on tensors, and what their loaders are given.

Images are ``torch.float32`` tensors of shape (N, 3, H, W), RGB, in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ParamValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a batch in which some images may have none: ``values`` (N,), NaN where there is none, and why,
    by the image's place in the batch."""

    values: Tensor
    reasons: Mapping[int, str] = field(default_factory=dict)


class Scorer(Protocol):
    """Gives every image a number.

    ``images`` and ``references`` are (N, 3, H, W); ``references`` is None unless the declaration says
    ``reference=True``. Returns a float tensor (N,); or Scores, where it can fail on an image without failing on
    the others. A scorer whose declaration says ``seeded=True`` is
    also given ``seeds``, one integer an image.
    """

    def __call__(self, images: Tensor, references: Tensor | None = None) -> Tensor | Scores: ...


class Enhancer(Protocol):
    """Makes images better: (N, 3, H, W) -> (N, 3, s·H, s·W), s being the declared scale."""

    def __call__(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor: ...


class Degrader(Protocol):
    """Makes images worse: (N, 3, H, W) -> (N, 3, H/s, W/s). The same seed gives the same bytes everywhere."""

    def __call__(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadContext:
    """What a loader is given.

    ``weights`` maps the name of each declared weights file that these parameters need to its path on disk,
    present and verified. ``params`` holds every declared parameter, validated, defaults filled in.
    ``dtype`` is the dtype that the network should compute in; images always arrive as float32.
    """

    device: torch.device
    dtype: torch.dtype
    weights: Mapping[str, Path] = field(default_factory=dict)
    params: Mapping[str, ParamValue] = field(default_factory=dict)
