"""Reading the tensors of a TorchScript archive without running what it says.

``torch.jit.load`` is the official way in; it compiles and may run code of the file, and is on its way out of
PyTorch. An archive is a zip: ``data.pkl`` describes the module, ``data/N`` holds the bytes of tensor N. Here
the description is unpickled with nothing but tensors and plain attributes allowed.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iqabench.errors import UnsafeWeights, WeightsError

_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
}


def is_torchscript(path: Path) -> bool:
    """Whether the file is an archive of ``torch.jit.save``; one of ``torch.save`` has no table of constants."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The state of the scripted module: every tensor by its name, those of submodules with dots between.

    Raises UnsafeWeights naming what the file wanted to run, WeightsError for a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = inside.removesuffix("data.pkl")
            module = _Unpickler(archive, folder, path, archive.read(inside)).load()
            return dict(_tensors(module, ""))
    except WeightsError:
        raise
    except (zipfile.BadZipFile, pickle.UnpicklingError, StopIteration, EOFError, *_DAMAGE) as error:
        raise WeightsError(f"{path} is no TorchScript archive that can be read, or is damaged.") from error


_DAMAGE = (RuntimeError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError)


class _Module:
    """Stands for any class that the archive defines: it has attributes, and does nothing."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str, path: Path, description: bytes) -> None:
        super().__init__(io.BytesIO(description))
        self.archive, self.folder, self.path = archive, folder, path

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "__torch__":
            return _Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise UnsafeWeights(
            f"{self.path} wants to run {module}.{name} when loaded, so it was not loaded.",
            hint="Use the official file, or weights that hold tensors only.",
        )

    def persistent_load(self, pid: Any) -> Tensor:
        """The flat tensor that ``("storage", dtype, key, device, length)`` names."""
        _, dtype, key, _, _ = pid
        return torch.frombuffer(bytearray(self.archive.read(f"{self.folder}data/{key}")), dtype=dtype)


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    return storage.as_strided(size, stride, offset).clone()  # which raises where it would leave the storage


def _tensors(module: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    attributes: Mapping[str, object] = vars(module) if isinstance(module, _Module) else {}
    for name, value in attributes.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
