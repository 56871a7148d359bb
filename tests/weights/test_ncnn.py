"""ncnn's ``.bin`` layout, packed here by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from iqabench.errors import KeysMismatch, WeightsError
from iqabench.weights.ncnn import is_ncnn, read_convolutions

SHAPES = {"first": (1, 3, 1, 1), "second": (2, 1, 1, 1)}


def packed() -> bytes:
    """Three halves, padded to eight bytes, and a bias; then two floats and two biases."""
    first = struct.pack("<I3exxf", 0x01306B47, 0.5, -2, 65504, 7)
    return first + struct.pack("<I2f2f", 0, 1.5, 2.5, -1, -2)


def test_halves_are_padded_to_four_bytes_and_floats_read_as_they_are(tmp_path):
    (tmp_path / "n.bin").write_bytes(packed())
    assert is_ncnn(tmp_path / "n.bin")
    state = read_convolutions(tmp_path / "n.bin", SHAPES)
    assert [(key, value.dtype, value.shape) for key, value in state.items()] == [
        ("first.weight", np.float32, (1, 3, 1, 1)),
        ("first.bias", np.float32, (1,)),
        ("second.weight", np.float32, (2, 1, 1, 1)),
        ("second.bias", np.float32, (2,)),
    ]
    flat = np.concatenate([value.ravel() for value in state.values()])
    assert flat.tolist() == [0.5, -2, 65504, 7, 1.5, 2.5, -1, -2]


def test_a_file_cut_short_or_too_long_names_what_differs(tmp_path):
    (tmp_path / "n.bin").write_bytes(packed()[:-4])
    with pytest.raises(KeysMismatch) as caught:
        read_convolutions(tmp_path / "n.bin", SHAPES)
    assert caught.value.missing == ("second",)
    (tmp_path / "n.bin").write_bytes(packed() + b"\0")
    with pytest.raises(KeysMismatch, match="1 more bytes"):
        read_convolutions(tmp_path / "n.bin", SHAPES)


def test_quantised_weights_are_refused(tmp_path):
    (tmp_path / "n.bin").write_bytes(struct.pack("<I", 0x000D4B38) + packed()[4:])
    assert not is_ncnn(tmp_path / "n.bin")
    with pytest.raises(WeightsError, match="where first should begin, at byte 0"):
        read_convolutions(tmp_path / "n.bin", SHAPES)
    with pytest.raises(WeightsError, match="cannot be read"):
        is_ncnn(tmp_path / "none.bin")
