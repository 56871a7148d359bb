"""Weights in the layout of ncnn's ``.bin`` files, for networks of convolutions.

The file is the weighted layers in the order of the graph, without names. A convolution is a four-byte tag,
which tells how its weights are stored, the weights (out, in, height, width) padded to four bytes, and its
biases in float32. All numbers are little-endian. (Format: ncnn's wiki, "param and model file structure".)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from iqabench.errors import KeysMismatch, WeightsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOAT32, FLOAT16 = 0, 0x01306B47


def is_ncnn(path: Path) -> bool:
    """Whether the file begins as an ncnn file does; no torch or safetensors file begins so."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    return len(head) == 4 and int.from_bytes(head, "little") in (FLOAT32, FLOAT16)


def read_convolutions(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """``name.weight`` and ``name.bias`` of each convolution in float32, for a graph that the caller knows.

    ``shapes`` are the weights' shapes (out, in, height, width), in the order of the graph. The file must hold
    exactly these, to its last byte. Raises KeysMismatch, or WeightsError for a storage other than float32 and
    float16.
    """
    import numpy as np

    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    state: dict[str, NDArray[np.float32]] = {}
    position = 0
    for index, (name, shape) in enumerate(shapes.items()):
        count, out = int(np.prod(shape)), shape[0]
        tag = int.from_bytes(content[position : position + 4], "little")
        if tag not in (FLOAT32, FLOAT16):
            raise WeightsError(
                f"{path} has no float32 or float16 weights where {name} should begin, at byte {position}.",
                hint="It is damaged, quantised, or of another network.",
            )
        stored = np.dtype("<f2" if tag == FLOAT16 else "<f4")
        weights_at = position + 4
        biases_at = weights_at + -(-count * stored.itemsize // 4) * 4
        position = biases_at + 4 * out
        if position > len(content):
            raise KeysMismatch(str(path), missing=list(shapes)[index:])
        state[f"{name}.weight"] = np.frombuffer(content, stored, count, weights_at).astype("f4").reshape(shape)
        state[f"{name}.bias"] = np.frombuffer(content, "<f4", out, biases_at).astype("f4")
    if position != len(content):
        raise KeysMismatch(str(path), unexpected=[f"{len(content) - position} more bytes"])
    return state
