"""Checkpoints read as data, never run, and loaded into a network only if every key fits."""

from __future__ import annotations

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from iqabench.errors import KeysMismatch, UnsafeWeights, WeightsError
from iqabench.weights.shards import shards_of

_REFUSED = re.compile(r"(?:GLOBAL|class '|instantiate <class ')\s?([\w.]+)")
_PICKLES_IN_OLD_LAYOUT = 5  # magic number, protocol, system, the object, the keys of the storages
_DAMAGE = (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError)


def read_checkpoint(path: Path | Sequence[Path], *, allow: Sequence[Callable[..., Any]] = ()) -> Any:
    """What a checkpoint holds, tensors on the CPU: safetensors, or a torch pickle of plain containers.

    The format is told from the content, unless the name ends in .safetensors. A JSON index of shards
    (``*.index.json``), or a list of shards, gives their union. ``allow`` lists classes besides torch's own
    that a pickle may name, as argparse.Namespace.
    Raises UnsafeWeights naming what the file wanted to run, WeightsError for a damaged or unknown file.
    """
    if not isinstance(path, Path):
        return _join(path, allow)
    if path.suffix == ".json":
        return _join(shards_of(path), allow)
    head = _head(path)
    if not head:
        raise WeightsError(f"{path} is empty.")
    if path.suffix == ".safetensors" or _looks_like_safetensors(head):
        return _read_safetensors(path)
    return _read_pickle(path, zipped=head.startswith(b"PK"), allow=allow)


def unwrap(checkpoint: Any, *names: str) -> dict[str, Tensor]:
    """The state inside a checkpoint: the entry under the first of ``names`` that it has, or else itself.

    Raises WeightsError where that is no mapping from names to tensors.
    """
    inner = checkpoint
    if isinstance(checkpoint, Mapping):
        inner = next((checkpoint[name] for name in names if name in checkpoint), checkpoint)
    if isinstance(inner, Mapping) and inner and all(isinstance(value, Tensor) for value in inner.values()):
        return dict(inner)
    held = ", ".join(map(str, list(checkpoint)[:8])) if isinstance(checkpoint, Mapping) else type(checkpoint).__name__
    wanted = f" under {' or '.join(names)}" if names else ""
    raise WeightsError(f"The checkpoint holds no tensors{wanted}; it holds: {held or 'nothing'}.")


def strip_prefix(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """``state`` with ``prefix`` taken off the keys that begin with it (``module.``, ``model.``)."""
    stripped = {key.removeprefix(prefix): value for key, value in state.items()}
    if len(stripped) != len(state):
        raise WeightsError(f"Two keys of the checkpoint become one without the prefix {prefix!r}.")
    return stripped


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], where: str | Path, *, assign: bool = False) -> None:
    """Copy ``state`` into ``module`` if its keys and shapes are the module's; ``where`` names the file.

    With ``assign`` the state's tensors become the module's own instead of being copied, as a module built on
    the meta device needs. Raises KeysMismatch, and then changes nothing.
    """
    require_keys(state, {key: value.shape for key, value in module.state_dict().items()}, where)
    module.load_state_dict(dict(state), strict=True, assign=assign)


def require_keys(state: Mapping[str, Tensor], wanted: Mapping[str, Sequence[int]], where: str | Path) -> None:
    """Raise KeysMismatch unless ``state`` holds tensors of the wanted names and shapes, and nothing else."""
    missing = [key for key in wanted if key not in state]
    strange = {key: None for key, value in state.items() if key not in wanted or not isinstance(value, Tensor)}
    reshaped = [
        key for key in wanted if key in state and key not in strange and tuple(state[key].shape) != tuple(wanted[key])
    ]
    if missing or strange or reshaped:
        raise KeysMismatch(str(where), missing=missing, unexpected=list(strange), reshaped=reshaped)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(16)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error


def _looks_like_safetensors(head: bytes) -> bool:
    """Eight bytes of header length, then the header, a JSON object."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def _read_pickle(path: Path, *, zipped: bool, allow: Sequence[Callable[..., Any]]) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(allow)):
            warnings.simplefilter("ignore")  # about the pickle's protocol, before the error that says so
            # Only the zip layout can be mapped into memory instead of read.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        told = _REFUSED.search(str(error))
        culprit = told[1] if told else next(_strange_globals(path, zipped=zipped), None)
        if culprit is None:
            raise _damaged(path, "its pickle cannot be read") from error
        raise UnsafeWeights(
            f"{path} wants to run {culprit} when loaded, so it was not loaded.",
            hint="Use weights that hold tensors only, such as a .safetensors file.",
        ) from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _strange_globals(path: Path, *, zipped: bool) -> Iterator[str]:
    """What a pickle names besides torch's own, in its order; told without running it."""
    with ExitStack() as stack:
        stream: IO[bytes] = stack.enter_context(path.open("rb"))
        if zipped:
            archive = stack.enter_context(zipfile.ZipFile(stream))  # torch has opened it before
            inside = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
            if inside is None:
                return
            stream = stack.enter_context(archive.open(inside))
        strings: list[str] = []
        try:
            for _ in range(_PICKLES_IN_OLD_LAYOUT):
                for opcode, argument, _position in pickletools.genops(stream):
                    if opcode.name in ("GLOBAL", "INST"):
                        strings += str(argument).split(" ")
                    elif isinstance(argument, str):
                        strings.append(argument)
                    if opcode.name in ("GLOBAL", "INST", "STACK_GLOBAL"):
                        name = ".".join(strings[-2:])
                        if not name.startswith(("torch.", "collections.OrderedDict")):
                            yield name
        except ValueError:
            return  # what follows is no pickle: tensors, or damage


def _damaged(path: Path, why: Exception | str) -> WeightsError:
    reason = " ".join(str(why).split()).partition(". ")[0].rstrip(".") or type(why).__name__
    return WeightsError(f"{path} is no checkpoint that can be read, or is damaged: {reason[:160]}.")


def _join(shards: Iterable[Path], allow: Sequence[Callable[..., Any]]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for shard in shards:
        part = unwrap(read_checkpoint(shard, allow=allow))
        if twice := state.keys() & part.keys():
            raise WeightsError(f"{shard} holds {sorted(twice)[0]}, which an earlier shard holds too.")
        state |= part
    if not state:
        raise WeightsError("No shards of a checkpoint were given.")
    return state
