"""Weights of large networks: shards of either kind joined, cast, and put into a network that was built empty.

A network is built with its parameters on the meta device, and the checkpoint's tensors become its own, so that
nothing is allocated twice. The configuration is the checkpoint's ``config.json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from iqabench.compat.libraries import import_library
from iqabench.errors import KeysMismatch, WeightsError, WeightsMissing
from iqabench.lmm.declaring import ADAPTER
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench.weights.shards import INDEX, shards_of

if TYPE_CHECKING:
    from torch import Tensor, nn

_RECOMPUTED = re.compile(r"rotary_emb\.inv_freq$")
Network = TypeVar("Network", bound="nn.Module")
Rename = Callable[[str], str]


def is_part(name: str) -> bool:
    """Whether a weights file of this name is part of a checkpoint: a shard, an index, or all of it."""
    plain = name.removesuffix(INDEX)
    return plain.endswith((".safetensors", ".bin")) and name not in ADAPTER


def read_state(weights: Mapping[str, Path], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The checkpoint among ``weights`` (by declared name), floating tensors in ``dtype``.

    It is one file, or shards with or without the index that names them. Frequencies of rotary positions, which
    older files hold, are left out: they are computed. Raises WeightsMissing for a shard that the index names and
    that is not there, WeightsError for no checkpoint or a key held twice.
    """
    state: dict[str, Tensor] = {}
    for path in _parts(weights):
        for key, value in unwrap(read_checkpoint(path)).items():
            if _RECOMPUTED.search(key):
                continue
            if key in state:
                raise WeightsError(f"{path} holds {key}, which another file of the checkpoint holds too.")
            state[key] = value.to(dtype) if dtype is not None and value.is_floating_point() else value
    return state


def _parts(weights: Mapping[str, Path]) -> list[Path]:
    parts = {name: path for name, path in weights.items() if is_part(name)}
    shards = {name: path for name, path in parts.items() if not name.endswith(INDEX)}
    for name in [name for name in parts if name not in shards]:
        for shard in shards_of(parts[name]):
            if shard.name not in shards and not shard.is_file():
                raise WeightsMissing(f"{shard.name}, which {name} names, is not among the weights given.")
            shards.setdefault(shard.name, shard)
    if not shards:
        names = ", ".join(weights) or "none"
        raise WeightsError(f"There is no checkpoint among the weights ({names}).")
    return list(shards.values())


def settings_of(kind: Any, config: Mapping[str, Any], name: str) -> Any:
    """transformers' configuration class ``kind`` of a ``config.json`` of the model ``name``.

    The dtype that a configuration names is left out: the loader's is used. Raises WeightsError.
    """
    try:
        return kind.from_dict(_without_dtype(config))
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"The config.json is not one of {name}: {why}") from error


def _without_dtype(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in ("dtype", "torch_dtype")}
    return {key: _without_dtype(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def build_empty(make: Callable[[], Network]) -> Network:
    """``make()``, in eval mode, with parameters on the meta device and buffers, which no checkpoint holds, real."""
    accelerate: Any = import_library("accelerate")
    with accelerate.init_empty_weights(include_buffers=False):
        return make().eval()


def fill(network: nn.Module, state: Mapping[str, Tensor], where: str | Path) -> None:
    """Make ``state`` the network's own, if its keys and shapes are the network's. Raises KeysMismatch."""
    load_strictly(network, state, where, assign=True)
    network.requires_grad_(False)


def renamed(state: Mapping[str, Tensor], rename: Rename, where: str) -> dict[str, Tensor]:
    """``state`` under other names. Raises KeysMismatch where two of them become one."""
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        name = rename(key)
        if name in found:
            raise KeysMismatch(where, unexpected=[key])
        found[name] = value
    return found


def place_of(weights: Mapping[str, Path]) -> str:
    """How errors name the checkpoint: its file, or the folder of its shards."""
    parts = [path for name, path in weights.items() if is_part(name)]
    if not parts:
        return "The checkpoint"
    return str(parts[0] if len(parts) == 1 else parts[0].parent)
