"""The working size, and OpenCV's resizing to it, as recorded from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from iqabench.testing import recorded
from iqabench_enhancer_quadprior.resizing import resize, working_size

with np.load(Path(__file__).with_name("recorded.npz")) as file:
    RECORDED = {name: file[name] for name in file.files if name.startswith("resized")}


@pytest.mark.parametrize("size", [(96, 128), (600, 400), (300, 501), (768, 1024)], ids=str)
def test_as_opencv(size: tuple[int, int]) -> None:
    """Every pixel, where the image grows and where it shrinks."""
    name = f"{size[0]}x{size[1]}"
    target = working_size(*size, 512)
    assert target == tuple(RECORDED[f"resized_size_{name}"])
    made = resize(recorded.picture(*size, 0), target, grow=min(size) < 512) * 255
    corner = made[0, :, :48, :48].movedim(0, -1)
    assert torch.equal(corner, torch.from_numpy(RECORDED[f"resized_{name}"]).float())
    assert made.double().mean((0, 2, 3)).tolist() == pytest.approx(RECORDED[f"resized_mean_{name}"], abs=1e-4)


def test_working_sizes() -> None:
    assert working_size(768, 1024, 512) == (512, 704)
    assert working_size(480, 640, 512) == (512, 704)
    assert working_size(480, 640, 0) == (512, 640)  # 7.5 blocks are rounded to the even number
    assert working_size(1, 1, 512) == (512, 512)
    assert working_size(9, 300, 0) == (64, 320)


def test_own_size_is_left_alone() -> None:
    image = recorded.picture(64, 128, 0)
    assert torch.equal(resize(image, (64, 128), grow=False), image)


@pytest.mark.parametrize("target", [(64, 64), (64, 192), (128, 128)])
def test_area_where_a_side_may_grow(target: tuple[int, int]) -> None:
    """A flat image stays flat, a ramp stays a ramp of the same ends and mean."""
    flat = torch.full((1, 3, 100, 90), 77 / 255)
    assert torch.equal(resize(flat, target, grow=False), torch.full((1, 3, *target), 77 / 255))
    ramp = (torch.arange(90) * 2 / 255).expand(1, 3, 100, 90)
    made = resize(ramp, target, grow=False)
    assert bool((made.diff(dim=-1) >= 0).all())
    assert float(made.mean()) == pytest.approx(float(ramp.mean()), abs=1.5 / 255)
