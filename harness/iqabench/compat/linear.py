"""Linear layers by oneDNN, which on some CPUs is a tenth faster than the BLAS that torch otherwise takes for them.

torch's compiler computes them so too; the operator is not among torch's documented functions, so where it is not there,
and wherever it does not apply, the plain one is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch._C._has_mkldnn else None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``torch.nn.functional.linear``: (..., inputs), (outputs, inputs) -> (..., outputs)."""
    if (
        _ONEDNN is None
        or x.device.type != "cpu"
        or not x.dtype == weight.dtype == torch.float32
        or torch.is_grad_enabled()
        or torch.is_autocast_enabled("cpu")
    ):
        return F.linear(x, weight, bias)
    result: Tensor = _ONEDNN(x, weight, bias, "none", [], "")
    return result


class Linear(nn.Linear):
    """``torch.nn.Linear``, of the same keys."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def quicken(network: nn.Module) -> None:
    """Make every plain linear layer of ``network``, as of timm's, one of these; its weights stay where they are."""
    for layer in network.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear
