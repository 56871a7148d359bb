"""lle.lime: the illumination map solves its equations, keeps structure and drops texture; photos brighten."""

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

import iqabench
from iqabench.ops import srgb
from iqabench_enhancer_lime.illumination import refine


def photo() -> Tensor:
    """A colour photograph, (1, 3, 128, 192)."""
    pixels = data.astronaut()[40:168, 130:322]
    return torch.from_numpy(pixels).movedim(-1, 0)[None] / 255


def psnr(images: Tensor, references: Tensor) -> float:
    return -10 * (images - references).square().mean().log10().item()


def darkened(stops: float) -> Tensor:
    """The photograph at ``stops`` under, in 8 bits."""
    return (srgb.encode(srgb.decode(photo()) / 2**stops) * 255).round() / 255


@pytest.mark.parametrize("stops", [2, 3])
def test_a_darkened_photo_comes_nearer_to_the_original(stops: int) -> None:
    dark = darkened(stops)
    enhanced = iqabench.load("lle.lime")(dark)
    assert dark.mean() + 0.1 < enhanced.mean() < 1.5 * photo().mean()
    assert psnr(enhanced, photo()) > psnr(dark, photo()) + 3


def dense_solution(initial: np.ndarray, alpha: float) -> np.ndarray:
    """The same minimum with explicit difference matrices and a dense solver."""
    height, width = initial.shape
    gaussian = np.exp(-(np.arange(-5, 6) ** 2) / 8)
    gaussian /= gaussian.sum()
    system = np.eye(height * width)
    for axis, side in ((0, height), (1, width)):
        gradient = np.diff(initial, axis=axis)
        smooth = gradient
        for along in (0, 1):
            padded = np.pad(smooth, [(5, 5) if a == along else (0, 0) for a in (0, 1)], mode="symmetric")
            smooth = np.apply_along_axis(np.convolve, along, padded, gaussian, mode="valid")
        weight = alpha / (np.abs(smooth) + 1e-3) / (np.abs(gradient) + 1e-3)
        difference = np.diff(np.eye(side), axis=0)
        operator = np.kron(difference, np.eye(width)) if axis == 0 else np.kron(np.eye(height), difference)
        system += operator.T @ (weight.reshape(-1, 1) * operator)
    return np.linalg.solve(system, initial.ravel()).reshape(height, width)


@pytest.mark.parametrize("shape", [(12, 17), (17, 12), (2, 9), (9, 2)])
def test_the_map_solves_the_equations_of_the_paper(shape: tuple[int, int]) -> None:
    initial = np.random.default_rng(3).random(shape)
    np.testing.assert_allclose(refine(initial, 0.15), dense_solution(initial, 0.15), rtol=0, atol=1e-9)


def test_the_map_keeps_an_edge_and_flattens_texture() -> None:
    initial = np.full((48, 48), 0.1)
    initial[:, 24:] = 0.6
    texture = 0.02 * (-1.0) ** np.add.outer(np.arange(48), np.arange(48))
    refined = refine(initial + texture, 0.15)
    assert refined[:, :20].std() < 0.1 * texture.std()
    assert refined[:, 30:].mean() - refined[:, :18].mean() > 0.8 * 0.5


def test_the_map_stays_within_the_range_of_the_first_guess() -> None:
    initial = np.random.default_rng(4).random((30, 40))
    refined = refine(initial, 0.15)
    assert initial.min() <= refined.min() <= refined.max() <= initial.max()
    assert refined.mean() == pytest.approx(initial.mean(), abs=1e-9)


def test_without_the_structure_term_it_divides_by_the_brightest_channel() -> None:
    image = photo().clamp(min=0.05)
    enhanced = iqabench.load("lle.lime", alpha=0, gamma=1)(image)
    assert (enhanced - image / image.amax(dim=1, keepdim=True)).abs().max() < 1e-6


def test_black_stays_black() -> None:
    assert iqabench.load("lle.lime")(torch.zeros(1, 3, 16, 16)).max() == 0


def test_denoising_smooths_the_dark_parts_most() -> None:
    pytest.importorskip("bm3d")
    generator = torch.Generator().manual_seed(1)
    dark = torch.full((1, 3, 48, 96), 0.05)
    dark[..., 48:] = 0.7
    dark = (dark + 0.01 * torch.randn(dark[:, :1].shape, generator=generator)).clamp(0, 1)
    plain = iqabench.load("lle.lime")(dark)
    denoised = iqabench.load("lle.lime", denoise=25)(dark)
    ratio = [(denoised[..., part].std() / plain[..., part].std()).item() for part in (slice(8, 40), slice(56, 88))]
    assert ratio[0] < 0.8
    assert ratio[0] < ratio[1]
