"""MATLAB files: one variable as a flat array of numbers or a list of texts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqabench.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_numbers(path: Path, variable: str) -> list[float]:
    """The variable's values in order. Raises DatasetError; NaN and infinity come back as they are."""
    array = _variable(path, variable)
    try:
        return [float(value) for value in array.ravel()]
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path}: {variable} does not hold numbers.") from error


def read_texts(path: Path, variable: str) -> list[str]:
    """A cell array of texts in order. Raises DatasetError."""
    texts = []
    for number, cell in enumerate(_variable(path, variable).ravel(), 1):
        text = cell.ravel()[0] if hasattr(cell, "ravel") and cell.size == 1 else cell
        if not isinstance(text, str):
            raise DatasetError(f"{path}, entry {number}: {variable} does not hold a text.")
        texts.append(text.strip())
    return texts


def _variable(path: Path, variable: str) -> NDArray[Any]:
    from scipy.io import matlab

    read: Callable[..., dict[str, Any]] = matlab.loadmat

    try:
        content = read(str(path), variable_names=[variable])
    except NotImplementedError as error:
        hint = "Save it with MATLAB's save -v7."
        raise DatasetError(f"{path}: is a MATLAB 7.3 file, which is not read here.", hint=hint) from error
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        matlab.MatReadError,
        struct.error,
        zlib.error,
        MemoryError,
    ) as error:
        raise DatasetError(f"{path}: cannot be read as a MATLAB file ({error}).") from error
    if variable not in content:
        raise DatasetError(f"{path}: holds no variable {variable}.")
    array: NDArray[Any] = content[variable]
    return array
