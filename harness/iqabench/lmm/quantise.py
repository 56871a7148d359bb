"""Networks in 8 or 4 bits a weight, by bitsandbytes (Dettmers et al., arXiv:2208.07339, arXiv:2305.14314).

Only the matrices of the language model are quantised; the image's way into it, the embeddings and the head are not.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from iqabench.errors import PluginError


def quantise(body: nn.Module, bits: int) -> None:
    """Put quantised matrices in the place of the linear layers of ``body``; they are packed when moved to a device.

    Does nothing for 16 bits. Raises PluginError without bitsandbytes.
    """
    if bits == 16:
        return
    try:
        import bitsandbytes  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise PluginError(
            f"bits={bits} needs bitsandbytes, which is not installed.", hint="Run: pip install bitsandbytes"
        ) from error
    for module in list(body.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, _packed(bitsandbytes, child, bits))


def _packed(bitsandbytes: Any, layer: nn.Linear, bits: int) -> nn.Module:
    layers, options = bitsandbytes.nn, {"bias": layer.bias is not None, "device": "meta"}
    packed: nn.Module
    if bits == 8:
        packed = layers.Linear8bitLt(layer.in_features, layer.out_features, has_fp16_weights=False, **options)
        packed.weight = layers.Int8Params(layer.weight.data, requires_grad=False, has_fp16_weights=False)
    else:
        packed = layers.Linear4bit(
            layer.in_features, layer.out_features, compute_dtype=layer.weight.dtype, quant_type="nf4", **options
        )
        packed.weight = layers.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
    packed.bias = layer.bias
    return packed
