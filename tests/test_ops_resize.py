"""imresize against numbers that MATLAB printed, a plain double loop, and what must hold of any resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from iqabench.ops.resize import imresize

KERNELS = ("bicubic", "lanczos3", "lanczos2", "triangle", "box")


def ramp(side: int) -> Tensor:
    return torch.arange(side * side, dtype=torch.float64).view(1, 1, side, side)


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64).to(dtype)


# Printed by MATLAB's imresize on reshape(0:n*n-1, n, n)', bicubic, for the tests of
# github.com/sanghyun-son/bicubic_pytorch.
MATLAB = [
    pytest.param(
        8,
        (3, 4),
        True,
        [
            [6.472528773310022, 8.511591273310021, 10.535028773310023, 12.57409127331002],
            [28.44921875, 30.48828125, 32.51171875, 34.55078125],
            [50.42590872668998, 52.46497122668998, 54.48840872668998, 56.52747122668998],
        ],
        id="8x8-to-3x4",
    ),
    pytest.param(8, (2, 2), True, [[12.3837890625, 16.6318359375], [46.3681640625, 50.6162109375]], id="by-4"),
]


@pytest.mark.parametrize(("side", "size", "antialias", "expected"), MATLAB)
def test_gives_the_numbers_of_matlab(side: int, size: tuple[int, int], antialias: bool, expected: list) -> None:
    resized = imresize(ramp(side), size=size, antialias=antialias)
    np.testing.assert_allclose(resized[0, 0].numpy(), expected, rtol=0, atol=1e-12)


def test_enlarges_as_matlab_does() -> None:
    image = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    image[0, 0, 0] = torch.tensor([100.0, 1.0, 0.0, 100.0])
    image[0, 0, 1, 0] = 10
    first_row = [
        108.68522499999966,
        27.697097499999902,
        -12.446562499999981,
        26.884192500000054,
        109.20249999999992,
    ]
    np.testing.assert_allclose(imresize(image, size=(5, 5))[0, 0, 0].numpy(), first_row, rtol=0, atol=1e-11)


def plainly(row: np.ndarray, scale: float, support: float, kernel) -> np.ndarray:
    """The definition, pixel by pixel, summed over a wide window of the mirrored row."""
    side, shrink = len(row), min(scale, 1.0)
    out = []
    for j in range(math.ceil(scale * side)):
        centre = (j + 0.5) / scale - 0.5
        reach = math.ceil(support / shrink) + 1
        total = weight_sum = 0.0
        for i in range(math.floor(centre) - reach, math.floor(centre) + reach + 1):
            weight = kernel(shrink * (centre - i))
            mirrored = i % (2 * side)
            total += weight * row[min(mirrored, 2 * side - 1 - mirrored)]
            weight_sum += weight
        out.append(total / weight_sum)
    return np.array(out)


def keys(x: float) -> float:
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def lanczos3(x: float) -> float:
    if x == 0:
        return 1.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2 if abs(x) < 3 else 0.0


@pytest.mark.parametrize("scale", [0.125, 0.25, 1 / 3, 0.5, 0.77, 1.3, 2, 3, 4])
@pytest.mark.parametrize(("name", "support", "kernel"), [("bicubic", 2, keys), ("lanczos3", 3, lanczos3)])
def test_follows_the_definition(name: str, support: float, kernel, scale: float) -> None:
    image = noise(1, 1, 1, 11)
    resized = imresize(image.expand(1, 1, 5, 11), scale=scale, kernel=name)
    expected = plainly(image[0, 0, 0].numpy(), scale, support, kernel)
    assert resized.shape == (1, 1, math.ceil(scale * 5), math.ceil(scale * 11))
    for row in resized[0, 0]:
        np.testing.assert_allclose(row.numpy(), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scale", [0.25, 0.4, 1, 1.7, 4])
def test_a_constant_stays_constant(kernel: str, scale: float) -> None:
    resized = imresize(torch.full((1, 3, 9, 13), 0.3, dtype=torch.float64), scale=scale, kernel=kernel)
    assert (resized - 0.3).abs().max() < 1e-15


@pytest.mark.parametrize("kernel", KERNELS)
def test_scale_one_is_the_identity(kernel: str) -> None:
    image = noise(2, 3, 7, 6)
    resized = imresize(image, scale=1, kernel=kernel)
    assert (resized - image).abs().max() < 1e-15
    assert resized.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("kernel", ["bicubic", "lanczos3", "lanczos2", "triangle"])
@pytest.mark.parametrize("scale", [0.25, 0.5, 3])
def test_flips_and_transposition_commute(kernel: str, scale: float) -> None:
    image = noise(1, 1, 12, 16)
    resized = imresize(image, scale=scale, kernel=kernel)
    for dim in (-1, -2):
        assert (imresize(image.flip(dim), scale=scale, kernel=kernel).flip(dim) - resized).abs().max() < 1e-14
    assert (imresize(image.mT, scale=scale, kernel=kernel).mT - resized).abs().max() < 1e-14


def test_box_is_the_mean_of_blocks_and_the_nearest_pixel() -> None:
    image = noise(1, 2, 8, 12)
    blocks = torch.nn.functional.avg_pool2d(image, 4)
    assert (imresize(image, scale=0.25, kernel="box") - blocks).abs().max() < 1e-15
    repeated = image.repeat_interleave(3, -1).repeat_interleave(3, -2)
    assert torch.equal(imresize(image, scale=3, kernel="box"), repeated)


def test_without_antialiasing_it_interpolates() -> None:
    """At scale 1/3 each output centre falls on an input pixel, so the bare kernel picks it."""
    image = noise(1, 1, 9, 9)
    assert torch.equal(imresize(image, scale=1 / 3, antialias=False), image[..., 1::3, 1::3])
    assert (imresize(image, scale=1 / 3) - image[..., 1::3, 1::3]).abs().max() > 0.05


def test_agrees_with_pillow_away_from_the_borders() -> None:
    """Pillow widens the same kernel (Keys, a = -1/2) but renormalises at borders instead of mirroring."""
    image = noise(1, 1, 64, 64, dtype=torch.float32)
    pillow = Image.fromarray(image[0, 0].numpy()).resize((16, 16), Image.Resampling.BICUBIC)
    resized = imresize(image, scale=0.25)[0, 0].numpy()
    inside = slice(2, -2)
    np.testing.assert_allclose(resized[inside, inside], np.asarray(pillow)[inside, inside], rtol=0, atol=1e-5)


def test_each_image_is_resized_by_itself() -> None:
    images = noise(5, 3, 20, 24, dtype=torch.float32)
    together = imresize(images, scale=0.25)
    assert all(torch.equal(together[i : i + 1], imresize(images[i : i + 1], scale=0.25)) for i in range(5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_keeps_the_dtype(dtype: torch.dtype) -> None:
    resized = imresize(noise(1, 3, 8, 8, dtype=dtype), scale=0.5)
    assert resized.dtype == dtype
    exact = imresize(noise(1, 3, 8, 8, dtype=dtype).double(), scale=0.5)
    assert (resized - exact).abs().max() <= torch.finfo(dtype).eps


def test_gradients_flow_even_after_a_call_in_inference_mode() -> None:
    with torch.inference_mode():
        imresize(noise(1, 1, 8, 8), scale=0.5)
    image = noise(1, 1, 8, 8).requires_grad_()
    imresize(image, scale=0.5).sum().backward()
    assert image.grad is not None
    assert math.isclose(image.grad.sum().item(), 16, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "either scale or size"),
        ({"scale": 2, "size": (4, 4)}, "either scale or size"),
        ({"scale": 0}, "positive"),
        ({"scale": math.nan}, "positive"),
        ({"size": (0, 4)}, "at least 1"),
        ({"scale": 2, "kernel": "cubic7"}, "none of bicubic"),
    ],
)
def test_refuses_what_makes_no_sense(options: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        imresize(noise(1, 1, 4, 4), **options)
    with pytest.raises(ValueError, match="float"):
        imresize(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), scale=2)
