"""Checkpoints in a model's official layout, filled with made-up weights: tests of loading without a download.

A manifest maps each key to its shape and dtype, as ``{"conv.weight": [[64, 3, 7, 7], "float32"]}``; it holds
no weights, so it may lie beside a test. A contract class makes its files from it::

    def checkpoint(folder, spec, params):
        manifest = read_manifest(Path(__file__).with_name("manifest.json"))
        return {"model.pth": save(generate(manifest), folder / "model.pth", wrappers=("state_dict",))}

    class TestMine(ScorerContract):
        id = "ugc.mine"
        weights = checkpoint
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from iqabench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

Manifest = Mapping[str, tuple[Sequence[int], str]]
Fill = Callable[[str, Sequence[int], str, int], "Tensor | np.ndarray"]
"""(key, shape, dtype, seed) -> the values of one entry."""


def read_manifest(path: Path, *within: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """The manifest in a JSON file, or in the object under the names ``within`` of it. Raises UsageError."""
    found = json.loads(path.read_text(encoding="utf-8"))
    for name in within:
        if name not in found:
            raise UsageError(f"{path} has no manifest {name!r}.", hint=f"It has: {', '.join(found)}.")
        found = found[name]
    return {key: (tuple(shape), dtype) for key, (shape, dtype) in found.items()}


def manifest_of(network: nn.Module) -> dict[str, tuple[tuple[int, ...], str]]:
    """What ``network`` would save: to write a manifest, or to compare with the official one."""
    return {
        key: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in network.state_dict().items()
    }


def fill(key: str, shape: Sequence[int], dtype: str = "float32", seed: int = 0) -> Tensor:
    """Values for one entry, the same on every machine, such that activations neither vanish nor explode.

    Kernels and matrices are uniform with variance 2 / fan-in, scales of norms near 1, biases near 0, running
    variances in [0.5, 1.5]; integers and booleans are zero.
    """
    kind: torch.dtype = getattr(torch, dtype)
    if not kind.is_floating_point:
        return torch.zeros(tuple(shape), dtype=kind)
    digest = hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=8).digest()
    raw = np.random.PCG64(int.from_bytes(digest, "big")).random_raw(max(1, math.prod(shape)))
    # The top 53 bits of each draw, as exact fractions in [-1, 1).
    values = (raw >> np.uint64(11)).astype(np.float64) / 2**52 - 1
    uniform = torch.from_numpy(values[: math.prod(shape)].reshape(tuple(shape)))
    return _scaled(uniform, key.rpartition(".")[2]).to(kind)


def _scaled(uniform: Tensor, name: str) -> Tensor:
    if name == "running_var":
        return 1 + 0.5 * uniform
    if uniform.ndim >= 2:
        return uniform * math.sqrt(6 / max(1, math.prod(uniform.shape[1:])))
    return 0.1 * uniform + (1 if name in ("weight", "gamma", "scale") else 0)


def generate(manifest: Manifest, seed: int = 0, *, fill: Fill = fill) -> dict[str, Tensor]:
    """A state with every entry of ``manifest``. ``fill`` may be another recipe, that recorded outputs need.

    Raises UsageError where that recipe gives another shape.
    """
    state = {}
    for key, (shape, dtype) in manifest.items():
        value = torch.as_tensor(fill(key, shape, dtype, seed)).to(getattr(torch, dtype))
        if tuple(value.shape) != tuple(shape):
            raise UsageError(f"{key} was filled with shape {tuple(value.shape)}, not {tuple(shape)}.")
        state[key] = value.contiguous()
    return state


def save(state: Mapping[str, Tensor], path: Path, *, wrappers: Sequence[str] = (), prefix: str = "") -> Path:
    """Write ``state`` as the official file is: safetensors by its ending, else a torch pickle. Gives ``path``.

    ``prefix`` goes before every key (``module.``); ``wrappers`` are the names of the mappings around the
    state, outermost first. Raises UsageError: safetensors cannot be wrapped.
    """
    entries: Mapping[str, Any] = {f"{prefix}{key}": value for key, value in state.items()}
    if path.suffix == ".safetensors":
        if wrappers:
            raise UsageError("A safetensors file holds tensors only, so nothing can be wrapped around them.")
        from safetensors.torch import save_file

        save_file(dict(entries), path)
        return path
    for name in reversed(wrappers):
        entries = {name: entries}
    torch.save(entries, path)
    return path


def save_shards(state: Mapping[str, Tensor], folder: Path, names: Sequence[str]) -> list[Path]:
    """Write ``state`` into shards of these names (``model-00001-of-00002.safetensors``), its keys in turn, with the
    index that transformers puts beside them. Gives the paths, the index first."""
    keys, parts = list(state), len(names)
    held = {name: keys[at::parts] for at, name in enumerate(names)}
    paths = [save({key: state[key] for key in some}, folder / name) for name, some in held.items()]
    index = folder / f"{re.sub(r'-[0-9]+-of-[0-9]+', '', names[0])}.index.json"
    weight_map = {key: name for name, some in held.items() for key in some}
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), encoding="utf-8")
    return [index, *paths]
