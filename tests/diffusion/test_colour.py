"""Colours taken from another image, detail kept."""

import torch

from iqabench.diffusion.colour import adaptive_instance_normalisation, wavelet_reconstruction


def test_wavelets_take_the_low_frequencies() -> None:
    """A change of brightness is undone, detail is not; an image among its own colours is itself."""
    draws = torch.Generator().manual_seed(0)
    images, detail = torch.rand(2, 3, 64, 96, generator=draws), torch.rand(2, 3, 64, 96, generator=draws) * 0.1
    torch.testing.assert_close(wavelet_reconstruction(images + 0.3, images), images)
    torch.testing.assert_close(wavelet_reconstruction(images, images), images)
    flat = torch.full_like(images, 0.5)
    kept = wavelet_reconstruction(flat + detail, flat)
    assert float((kept - flat).std() / detail.std()) > 0.95


def test_normalisation_takes_mean_and_deviation() -> None:
    draws = torch.Generator().manual_seed(0)
    images, colours = torch.rand(2, 3, 32, 40, generator=draws), torch.rand(2, 3, 24, 24, generator=draws) ** 2
    made = adaptive_instance_normalisation(images, colours)
    torch.testing.assert_close(made.mean((2, 3)), colours.mean((2, 3)), rtol=0, atol=1e-5)
    torch.testing.assert_close(made.flatten(2).std(2), colours.flatten(2).std(2), rtol=1e-3, atol=0)
