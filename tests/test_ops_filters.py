from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from iqabench.ops.colour import luma
from iqabench.ops.filters import (
    average_blocks,
    correlate,
    filter_columns,
    filter_rows,
    gaussian_window,
    gradient_magnitude,
    separable_filter,
    spatial_mean,
)

DTYPES = [pytest.param(torch.float32, 1e-6, id="float32"), pytest.param(torch.float64, 1e-14, id="float64")]
BORDERS = {"zeros": "constant", "replicate": "nearest", "reflect": "mirror"}


def images(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def test_gaussian_window_is_one_axis_of_the_fields_11_by_11() -> None:
    window = gaussian_window(11, 1.5)
    assert window.dtype == torch.float64
    assert float(window.sum()) == pytest.approx(1, abs=1e-15)
    assert torch.equal(window, window.flip(0))
    assert float(window[5] / window[4]) == pytest.approx(np.exp(1 / 4.5))


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("height", "width", "size"), [(21, 16, 7), (33, 47, 11), (40, 129, 17)])
def test_separable_filter_is_scipys(
    dtype: torch.dtype, tolerance: float, border: str, height: int, width: int, size: int
) -> None:
    x = images(2, 3, height, width, dtype=dtype)
    window = gaussian_window(size, size / 5)
    found = separable_filter(x, window, padding=border)
    expected = x.double().numpy()
    for axis in (2, 3):
        expected = ndimage.correlate1d(expected, window.numpy(), axis=axis, mode=BORDERS[border])
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=tolerance)
    inside = slice(size // 2, -(size // 2))
    valid = separable_filter(x, window, padding="valid")
    np.testing.assert_allclose(valid, expected[..., inside, inside], atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("width", "size"), [(17, 17), (48, 17), (50, 3), (95, 5), (97, 9)])
def test_strided_filters_keep_every_nth(
    dtype: torch.dtype, tolerance: float, stride: int, width: int, size: int
) -> None:
    x = images(2, 2, 19, width, dtype=dtype)
    window = torch.linspace(0.1, 1, size, dtype=torch.float64)
    dense = np.apply_along_axis(lambda row: np.correlate(row, window.numpy(), "valid"), 3, x.double().numpy())
    np.testing.assert_allclose(filter_rows(x, window, stride=stride), dense[..., ::stride], atol=40 * tolerance)
    turned = filter_columns(x.mT.contiguous(), window, stride=stride).mT
    np.testing.assert_allclose(turned, dense[..., ::stride], atol=40 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("stride", [1, 2])
def test_correlate_is_scipys(dtype: torch.dtype, tolerance: float, stride: int) -> None:
    x, kernels = images(2, 1, 30, 53, dtype=dtype), images(3, 9, 7) - 0.5
    found = correlate(x, kernels, stride=stride)
    for n in range(2):
        for k in range(3):
            expected = ndimage.correlate(x[n, 0].double().numpy(), kernels[k].numpy())[4:-4, 3:-3]
            np.testing.assert_allclose(found[n, k], expected[::stride, ::stride], atol=20 * tolerance)


def test_a_ramps_gradient_is_its_slope_in_any_direction() -> None:
    ys, xs = torch.meshgrid(torch.arange(12.0), torch.arange(15.0), indexing="ij")
    ramp = (3 * ys + 4 * xs)[None, None]
    for smoothing in ((1 / 3, 1 / 3, 1 / 3), (3 / 16, 10 / 16, 3 / 16)):
        inside = gradient_magnitude(ramp, smoothing)[..., 1:-1, 1:-1]
        torch.testing.assert_close(inside, torch.full_like(inside, 10))


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_average_blocks_drops_what_is_left_over(factor: int) -> None:
    x = images(2, 3, 31, 44)
    h, w = 31 // factor, 44 // factor
    blocks = x[..., : h * factor, : w * factor].view(2, 3, h, factor, w, factor)
    torch.testing.assert_close(average_blocks(x, factor), blocks.mean((3, 5)))


def test_no_bit_depends_on_the_batch() -> None:
    x = images(5, 3, 70, 91, dtype=torch.float32)
    window = gaussian_window(11, 1.5)
    for function in (
        lambda y: separable_filter(y, window, padding="replicate"),
        lambda y: gradient_magnitude(y, (1 / 3, 1 / 3, 1 / 3)),
        lambda y: luma(y, rounded=True),
        spatial_mean,
    ):
        assert torch.equal(function(x), torch.cat([function(x[i : i + 1]) for i in range(5)]))


def test_luma_conventions() -> None:
    colours = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]).view(3, 3, 1, 1)
    torch.testing.assert_close(luma(colours).flatten(), torch.tensor([1, 0, 0.299]))
    torch.testing.assert_close(luma(colours, "y601").flatten() * 255, torch.tensor([235.0, 16, 81.481]))
    torch.testing.assert_close(luma(colours, rounded=True).flatten() * 255, torch.tensor([255.0, 0, 76]))
