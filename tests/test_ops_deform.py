"""Deformable convolution, against its definition written out as loops, and against the plain convolution."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from iqabench.ops import deform
from iqabench.ops.deform import deform_conv2d


def draw(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def bilinear(plane: Tensor, y: float, x: float) -> float:
    """As torchvision's kernel reads it: zero from one pixel beyond the borders on, and from there bilinear."""
    height, width = plane.shape
    if not (-1 < y < height and -1 < x < width):
        return 0.0
    top, left = math.floor(y), math.floor(x)
    total = 0.0
    for row, column in product((top, top + 1), (left, left + 1)):
        if 0 <= row < height and 0 <= column < width:
            total += float(plane[row, column]) * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def by_loops(
    images: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor,
    steps: tuple[int, int],
    pads: tuple[int, int],
    spreads: tuple[int, int],
    mask: Tensor | None,
) -> Tensor:
    count, channels, _, _ = images.shape
    outputs, seen, kernel_height, kernel_width = weight.shape
    height, width = offset.shape[-2:]
    taps = kernel_height * kernel_width
    groups = offset.shape[1] // (2 * taps)
    made = bias.view(-1, 1, 1).expand(count, outputs, height, width).clone()
    for n, d, i, j in product(range(count), range(outputs), range(height), range(width)):
        first = d // (outputs // (channels // seen)) * seen
        for c, tap in product(range(seen), range(taps)):
            group = (first + c) // (channels // groups)
            row, column = divmod(tap, kernel_width)
            place = 2 * (group * taps + tap)
            y = i * steps[0] - pads[0] + row * spreads[0] + float(offset[n, place, i, j])
            x = j * steps[1] - pads[1] + column * spreads[1] + float(offset[n, place + 1, i, j])
            factor = 1.0 if mask is None else float(mask[n, group * taps + tap, i, j])
            made[n, d, i, j] += weight[d, c, row, column] * factor * bilinear(images[n, first + c], y, x)
    return made


PLAIN = {"steps": (1, 1), "pads": (1, 1), "spreads": (1, 1), "kernel": (3, 3), "split": 1, "masked": True}
CASES = {
    "as in GLARE": {"channels": 4, "outputs": 4, "groups": 4},
    "one group": {"channels": 3, "outputs": 2, "groups": 1},
    "without mask": {"channels": 2, "outputs": 4, "groups": 2, "masked": False},
    "groups of channels too": {"channels": 8, "outputs": 4, "groups": 2, "split": 4},
    "more offsets than channel groups": {"channels": 4, "outputs": 2, "groups": 4, "split": 2},
    "strided and spread": {
        "channels": 2,
        "outputs": 3,
        "groups": 2,
        "steps": (2, 1),
        "pads": (1, 3),
        "spreads": (1, 2),
    },
    "kernel that is not square": {"channels": 4, "outputs": 2, "groups": 1, "kernel": (1, 4), "pads": (0, 2)},
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_definition(monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> None:
    """In strips of any height; with offsets that lead far out of the image, too."""
    case = PLAIN | case
    channels, outputs, groups, kernel, size = case["channels"], case["outputs"], case["groups"], case["kernel"], (4, 5)
    geometry = case["steps"], case["pads"], case["spreads"]
    made = [
        (side + 2 * pad - spread * (reach - 1) - 1) // step + 1
        for side, reach, step, pad, spread in zip(size, kernel, *geometry, strict=True)
    ]
    taps = kernel[0] * kernel[1]
    images = draw(2, channels, *size, seed=0)
    offset = draw(2, 2 * groups * taps, *made, seed=1, scale=2)
    offset[0, 0, 0, 0], offset[0, 1, 0, 1], offset[1, 2, 1, 0] = -1e6, 1e6, 2.0
    mask = draw(2, groups * taps, *made, seed=2).sigmoid() if case["masked"] else None
    weight = draw(outputs, channels // case["split"], *kernel, seed=3)
    bias = draw(outputs, seed=4)
    expected = by_loops(images, offset, weight, bias, *geometry, mask)
    for samples in (1, 2 * made[1] * taps * channels, 1 << 22):
        monkeypatch.setattr(deform, "SAMPLES_AT_ONCE", samples)
        found = deform_conv2d(images, offset, weight, bias, *geometry, mask)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    halves = [None if x is None else x.float() for x in (images, offset, weight, bias, mask)]
    single = deform_conv2d(*halves[:4], *geometry, halves[4])
    torch.testing.assert_close(single.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_without_offsets_it_is_a_convolution(stride: int) -> None:
    images, weight = draw(2, 6, 17, 12, seed=0), draw(4, 6, 3, 3, seed=1)
    expected = conv2d(images, weight, None, stride, 1)
    offset = torch.zeros(2, 18, *expected.shape[-2:], dtype=torch.float64)
    torch.testing.assert_close(deform_conv2d(images, offset, weight, None, stride, 1), expected)


def test_a_whole_offset_is_a_shift() -> None:
    """Down by two and to the left by one: the first of each pair is the vertical one."""
    images, weight = draw(1, 2, 9, 9, seed=0), draw(3, 2, 3, 3, seed=1)
    offset = torch.tensor([2.0, -1.0], dtype=torch.float64).repeat(9).view(1, 18, 1, 1).expand(1, 18, 9, 9)
    shifted = torch.zeros_like(images)
    shifted[..., :7, 1:] = images[..., 2:, :8]
    found = deform_conv2d(images, offset, weight, None, 1, 1)
    torch.testing.assert_close(found[..., 1:6, 2:8], conv2d(shifted, weight, None, 1, 1)[..., 1:6, 2:8])


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    images, offset = draw(3, 8, 6, 5, seed=0).float(), draw(3, 72, 6, 5, seed=1).float()
    weight, mask = draw(8, 8, 3, 3, seed=2).float(), draw(3, 36, 6, 5, seed=3).float()
    together = deform_conv2d(images, offset, weight, None, 1, 1, 1, mask)
    alone = [
        deform_conv2d(images[i : i + 1], offset[i : i + 1], weight, None, 1, 1, 1, mask[i : i + 1]) for i in range(3)
    ]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize(
    ("channels", "offsets", "masks", "message"),
    [(8, 72, 35, "mask must be"), (8, 73, 36, "offset must be"), (6, 72, 36, "do not fit"), (8, 4, 36, "do not fit")],
)
def test_shapes_that_do_not_fit_are_refused(channels: int, offsets: int, masks: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        deform_conv2d(
            torch.zeros(1, channels, 4, 4),
            torch.zeros(1, offsets, 4, 4),
            torch.zeros(8, channels, 3, 3),
            padding=1,
            mask=torch.zeros(1, masks, 4, 4),
        )
