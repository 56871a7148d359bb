"""Low-rank adapters added to the weights that they adapt (Hu et al., ICLR 2022, arXiv:2106.09685).

Adapters that are always on cost nothing once they are part of the weights: W + scale · B A.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from iqabench.diffusion import ldm
from iqabench.diffusion.folder import own_keys
from iqabench.weights.safe import require_keys

RANK = 4
SCALE = 8 / RANK
"""peft's alpha, 8 where it is not set, over the rank."""
BASE = ("conv_in.base_layer.weight", "conv_in.base_layer.bias")
"""The UNet's first convolution was trained itself, besides its adapter."""
_PARTS = (
    *("to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2", "conv_shortcut", "conv_in", "conv_out"),
    *("downsamplers.0.conv", "upsamplers.0.conv", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "quant_conv"),
)


def unet_adapters(keys: Iterable[str]) -> dict[str, str]:
    """The modules of a UNet that are adapted, and the name of each one's adapter."""

    def adapter(module: str) -> str:
        if module.startswith(("down_blocks.", "conv_in")):
            return "default_encoder"
        return "default_others" if module.startswith("mid_block.") else "default_decoder"

    return {module: adapter(module) for module in _adapted(keys)}


def vae_adapters(keys: Iterable[str]) -> dict[str, str]:
    """The modules of a VAE that are adapted: those of its encoder."""
    return {module: "default_encoder" for module in _adapted(keys) if module.startswith(("encoder.", "quant_conv"))}


def _adapted(keys: Iterable[str]) -> list[str]:
    modules = [key.removesuffix(".weight") for key in keys if key.endswith(".weight")]
    return [module for module in modules if f".{module}".endswith(tuple(f".{part}" for part in _PARTS))]


def layout(
    shapes: Mapping[str, Sequence[int]], adapters: Mapping[str, str], rank: int, base: Sequence[str] = ()
) -> dict[str, tuple[int, ...]]:
    """The keys and shapes of the adapters of a network of the given shapes, as peft saves them."""
    wanted = {key: tuple(shapes[key.replace(".base_layer", "")]) for key in base}
    for module, adapter in adapters.items():
        outputs, *inputs = shapes[f"{module}.weight"]
        ones = (1, 1) if len(inputs) == 3 else ()
        wanted[f"{module}.lora_A.{adapter}.weight"] = (rank, *inputs)
        wanted[f"{module}.lora_B.{adapter}.weight"] = (outputs, rank, *ones)
    return wanted


def fill_adapted(
    network: nn.Module,
    state: Mapping[str, Tensor],
    path: Path,
    lora: Mapping[str, Tensor],
    lora_path: Path,
    adapters: Mapping[str, str],
    *,
    base: Sequence[str] = (),
    dtype: torch.dtype,
    device: torch.device | str,
) -> None:
    """Fill ``network``, made on the meta device, from ``state`` with every adapter of ``lora`` added to its weights.

    The entries ``base`` of ``lora`` stand in for those of ``state``. Raises KeysMismatch where either file is not
    made for this network.
    """
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    require_keys(state, shapes, path)
    require_keys(lora, layout(shapes, adapters, RANK, base), lora_path)
    result = {**state, **{key.replace(".base_layer", ""): lora[key] for key in base}}
    for module, adapter in adapters.items():
        down, up = (lora[f"{module}.lora_{part}.{adapter}.weight"].float() for part in "AB")
        weight = result[f"{module}.weight"]
        product = up.flatten(1) @ down.flatten(1)
        result[f"{module}.weight"] = weight.float() + SCALE * product.view(weight.shape)
    ldm.fill(network, result, own_keys, path, dtype=dtype, device=device)
