"""What a device can hold, against what a model declares that it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch

from iqabench.errors import UsageError
from iqabench.specs import ModelSpec
from iqabench.types import ParamValue

MIB = 1 << 20


def require_memory(
    spec: ModelSpec, params: Mapping[str, ParamValue], device: torch.device, dtype: torch.dtype, has_mb: int | None
) -> None:
    """Raise UsageError where ``device``, which has ``has_mb`` of memory, is too small for the model.

    ``spec.memory_mb`` is the need in the first of its dtypes: another one, or a parameter ``bits`` (16 unless
    quantised), changes it in proportion. A model that
    runs with ``offload`` keeps its networks elsewhere, and is not refused. Nor is one on a device of unknown size.
    """
    if spec.memory_mb is None or has_mb is None or params.get("offload"):
        return
    own: torch.dtype = getattr(torch, spec.dtypes[0])
    need = spec.memory_mb * dtype.itemsize * int(params.get("bits", 16)) // (own.itemsize * 16)
    if need <= has_mb:
        return
    ways = ["another --device"]
    if dtype.itemsize > 2 and {"float16", "bfloat16"} & {*spec.dtypes}:
        ways.insert(0, "--dtype float16" if "float16" in spec.dtypes else "--dtype bfloat16")
    if device.type != "cpu" and any(param.name == "offload" for param in spec.params):
        ways.insert(0, f"{spec.id}[offload=true]")
    raise UsageError(
        f"{spec.id} needs about {need} MB of memory in {str(dtype).removeprefix('torch.')}, "
        f"and {device} has {has_mb} MB.",
        hint=f"Say {' or '.join(ways)}.",
    )


def memory_of(device: torch.device) -> int | None:
    """All the memory of a device in MB, used or not; None where it cannot be told."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory // MIB)
    if device.type != "cpu":
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
