"""How TOPIQ weighs a feature map by place before it is pooled: the gated local pooling of section III-B.

Attributes are named as in the official checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

HIDDEN = 64
EPSILON = 1e-12  # under the root that makes a difference of features smooth


def _gate(channels: int) -> list[nn.Module]:
    """Channels -> one weight in (0, 1) for each place."""
    return [
        nn.Conv2d(channels, HIDDEN, 1),
        nn.GELU(),
        nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(HIDDEN, 1, 3, padding=1),
        nn.Sigmoid(),
    ]


class GatedPooling(nn.Module):
    """Without reference: (N, C, H, W) -> (N, C, h, w), gated by a second linear map of the same features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.splitconv = nn.Conv2d(channels, 2 * channels, 1)
        self.weight_blk = nn.Sequential(*_gate(channels))

    def merge(self) -> None:
        """Make one convolution of the two linear ones that lead to the gate: half the work, the same result."""
        head = self.weight_blk[0]
        if not isinstance(head, nn.Conv2d) or self.splitconv.bias is None or head.bias is None:
            raise TypeError("the gate has been merged before.")
        value, gate = self.splitconv.weight.double().chunk(2)
        value_bias, gate_bias = self.splitconv.bias.double().chunk(2)
        into = head.weight.double().flatten(1)
        merged = nn.Conv2d(self.channels, self.channels + HIDDEN, 1)
        merged.weight.copy_(torch.cat([value, (into @ gate.flatten(1))[..., None, None]]))
        merged.bias.copy_(torch.cat([value_bias, into @ gate_bias + head.bias.double()]))  # type: ignore[union-attr]
        self.splitconv = merged
        self.weight_blk[0] = nn.Identity()

    def forward(self, features: Tensor, size: tuple[int, int] | None) -> Tensor:
        both = self.splitconv(features)
        value, gate = both[:, : self.channels], both[:, self.channels :]
        return _pool(F.gelu(value) * self.weight_blk(gate), size)


class DifferencePooling(nn.Sequential):
    """With reference: two (N, C, H, W) -> (N, 3·C, h, w), the features of both and their difference, gated by it."""

    def __init__(self, channels: int) -> None:
        super().__init__(*_gate(channels))

    def forward(self, features: Tensor, references: Tensor, size: tuple[int, int] | None) -> Tensor:  # type: ignore[override]
        difference = (features.float() - references.float()).square().add(EPSILON).sqrt()
        gate = difference
        for step in self:
            gate = step(gate)
        return torch.cat([_pool(x * gate, size) for x in (features, references, difference)], dim=1)


def _pool(features: Tensor, size: tuple[int, int] | None) -> Tensor:
    return features if size is None else F.adaptive_avg_pool2d(features, size)
