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


class _Packed(nn.Module):
    """A linear layer whose weights were laid out for oneDNN once, for inference in float32 on a CPU alone."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
        self.bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")
        return result


def quicken(network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Replace every plain linear layer of ``network``, as timm's are, by a quicker one, for inference on this
    ``device`` in this ``dtype`` alone. Changed is only what computes in float32 on a CPU."""
    if _ONEDNN is None or device.type != "cpu" or dtype != torch.float32:
        return
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if type(layer) is nn.Linear:
                setattr(module, name, _Packed(layer))
