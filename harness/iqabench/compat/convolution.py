"""Convolutions by oneDNN the way torch's compiler calls them: weights laid out once and not at every call, and what
follows, a sum or a ReLU, done in the same pass.

The operators are not among torch's documented functions: where they are not there, networks stay as they are.
"""

from __future__ import annotations

import operator

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812

_OPS = torch.ops.mkldnn
_THERE = torch._C._has_mkldnn and all(
    hasattr(_OPS, name) for name in ("_convolution_pointwise", "_reorder_convolution_weight")
)
_SIZES = 2
"""Sizes of images for which the weights are kept: a network that looks at an image twice needs two."""
_RELU = (F.relu, torch.relu, torch.relu_)
_SUM = (operator.add, torch.add)


def quicken_convolutions(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """``network``, which computes the same, for inference on this ``device`` in this ``dtype`` alone.

    Changed is only what computes in float32 on a CPU. Batch norms are to be folded before; maps that are added must be
    of one shape, and one to which is added in place must not be read again, as torch.fx makes a plain sum of that.
    Raises what torch.fx raises for a network that it cannot follow.
    """
    if not _THERE or device.type != "cpu" or dtype != torch.float32:
        return network
    traced = fx.symbolic_trace(network)
    for node in list(traced.graph.nodes):
        layer = _module(traced, node)
        if type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
            _fuse(traced, node, layer)
    traced.graph.eliminate_dead_code()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced.eval()


class _Convolution(nn.Module):
    """A convolution times ``scale``, then the sum with ``other`` where it is given, then a ReLU where ``rectified``."""

    def __init__(self, layer: nn.Conv2d, *, scale: float, rectified: bool) -> None:
        super().__init__()
        self.where = (layer.padding, layer.stride, layer.dilation, layer.groups)
        self.weight = layer.weight.detach() if scale == 1 else layer.weight.detach() * scale
        self.bias = None if layer.bias is None else layer.bias.detach() * scale
        self.rectified = rectified
        self.packed: dict[tuple[int, int], Tensor] = {}

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        weight, after = self._packed_for(x), "relu" if self.rectified else "none"
        result: Tensor
        if other is None:
            result = _OPS._convolution_pointwise(x, weight, self.bias, *self.where, after, [], "")
        else:
            result = _OPS._convolution_pointwise.binary(
                x, other, weight, self.bias, *self.where, "add", 1.0, after if self.rectified else None, [], None
            )
        return result

    def _packed_for(self, x: Tensor) -> Tensor:
        """The weights in the layout that is best for this size; in another they are right too, and slower."""
        height, width = x.shape[-2:]
        kept = dict(self.packed)
        packed = kept.pop((height, width), None)
        if packed is None:
            packed = _OPS._reorder_convolution_weight(self.weight, *self.where, list(x.shape))
        self.packed = {**dict(list(kept.items())[1 - _SIZES :]), (height, width): packed}
        return packed


def _fuse(traced: fx.GraphModule, node: fx.Node, layer: nn.Conv2d) -> None:
    """Put one module in the place of a convolution and of all that follows and can be done with it."""
    last, scale, other, rectified = _past_identities(traced, node), 1.0, None, False
    follower = _follower(last)
    if follower is not None and follower.target is operator.mul and isinstance(follower.args[1], float):
        last, scale = follower, follower.args[1]
        follower = _follower(last)
    if follower is not None and (other := _added(follower, last)) is not None:
        last = _past_identities(traced, follower)
        follower = _follower(last)
    if follower is not None and (isinstance(_module(traced, follower), nn.ReLU) or follower.target in _RELU):
        last, rectified = follower, True
    name = f"{node.name}_and_on"
    traced.add_submodule(name, _Convolution(layer, scale=scale, rectified=rectified))
    with traced.graph.inserting_after(last):
        fused = traced.graph.call_module(name, (node.args[0], *([] if other is None else [other])))
    last.replace_all_uses_with(fused)


def _added(follower: fx.Node, node: fx.Node) -> fx.Node | None:
    """What ``follower`` adds to ``node``, if it is a sum with something else that was computed from the image."""
    if follower.target not in _SUM or len(follower.args) != 2 or follower.kwargs:
        return None
    others = [arg for arg in follower.args if arg is not node]
    return others[0] if len(others) == 1 and isinstance(others[0], fx.Node) and others[0].op != "get_attr" else None


def _follower(node: fx.Node) -> fx.Node | None:
    """The one node that uses this one."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def _past_identities(traced: fx.GraphModule, node: fx.Node) -> fx.Node:
    while (follower := _follower(node)) is not None and isinstance(_module(traced, follower), nn.Identity):
        node = follower
    return node


def _module(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None
