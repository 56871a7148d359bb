"""What the models make of photographs, whole and in tiles."""

from __future__ import annotations

import pytest
import torch
from skimage import data
from torch import Tensor

import iqabench
from iqabench.ops.resize import imresize
from iqabench_enhancer_rrdbnet.network import RRDBNet
from iqabench_enhancer_rrdbnet.tiling import enlarge_in_tiles


def photo() -> Tensor:
    """A cat's face, (1, 3, 160, 192)."""
    return torch.from_numpy(data.chelsea()[40:200, 100:292]).movedim(-1, 0)[None] / 255


def small(sigma: float) -> Tensor:
    noise = torch.randn(1, 3, 40, 48, generator=torch.Generator().manual_seed(7))
    return (imresize(photo(), scale=0.25) + sigma / 255 * noise).clamp(0, 1)


def psnr(images: Tensor) -> float:
    return -10 * (images.clamp(0, 1) - photo()).square().mean().log10().item()


def detail(images: Tensor) -> float:
    """Mean step between neighbouring pixels."""
    return float(images.clamp(0, 1).diff(dim=-1).abs().mean())


@pytest.mark.parametrize("model", ["sr.realesrgan", "sr.realsr"])
def test_a_clean_photo_gets_its_detail_back(model: str) -> None:
    """Unlike bicubic interpolation, whose steps are far too small; and it stays the same photo."""
    plain, made = imresize(small(0), scale=4), iqabench.load(model)(small(0))
    missing = abs(detail(photo()) - detail(made)), abs(detail(photo()) - detail(plain))
    assert missing[0] < 0.7 * missing[1], missing
    assert psnr(made) > 24


def test_real_esrgan_removes_noise_which_interpolation_keeps() -> None:
    noisy = small(25)
    assert psnr(iqabench.load("sr.realesrgan")(noisy)) > psnr(imresize(noisy, scale=4)) + 1


def test_tiles_are_the_whole_where_they_overlap_by_the_receptive_field() -> None:
    """One block sees 1 + 15 + 1 pixels around at the small size, and fewer than 2 more at the large ones."""
    torch.manual_seed(0)
    network = RRDBNet(blocks=1, features=8, growth=4).eval()
    image = torch.rand(2, 3, 61, 83)
    with torch.inference_mode():
        whole = network(image)
        tiled = enlarge_in_tiles(network, image, scale=4, tile=24, overlap=20)
        torch.testing.assert_close(tiled, whole, atol=1e-6, rtol=0)
        bare = enlarge_in_tiles(network, image, scale=4, tile=24, overlap=0)
    assert (bare - whole).abs().max() > 1e-4


def test_tiles_of_a_photo_show_no_seams() -> None:
    """All 23 blocks see 349 pixels around, yet almost all that matters lies within the default overlap."""
    wide = torch.from_numpy(data.chelsea()[40:168, 40:424]).movedim(-1, 0)[None] / 255
    wide = imresize(wide, scale=0.25).clamp(0, 1)  # 32×96
    whole = iqabench.load("sr.realesrgan")(wide)
    tiled = iqabench.load("sr.realesrgan", tile=40)(wide)
    difference = tiled - whole
    assert 0 < difference.abs().mean() < 0.5 / 255
    border = slice(4 * 40 - 1, 4 * 40 + 1)
    seam, step = difference[..., border].diff(dim=-1).abs().mean(), whole.diff(dim=-1).abs().mean()
    assert seam < 0.5 * step
