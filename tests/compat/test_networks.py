"""Folding batch norms, filling in their counters, normalisation, and Pillow's resizing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from iqabench.compat.batchnorm import fold_batch_norms, with_counters
from iqabench.compat.imagenet import Normalise
from iqabench.compat.pillow import resize
from iqabench.images import to_tensor
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of


def network() -> nn.Sequential:
    """Two convolutions with norms, one of them nested, and a norm that follows no convolution."""
    inner = nn.Sequential(nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    made = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), inner, nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1))
    made.load_state_dict(generate(manifest_of(made)))
    return made.eval()


@torch.inference_mode()
def test_folding_changes_no_result() -> None:
    made, folded = network(), network()
    fold_batch_norms(folded)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert made(images).std() > 0.1
    torch.testing.assert_close(folded(images), made(images), rtol=1e-5, atol=1e-5)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in folded.modules()) == 1


def test_only_counters_are_filled_in() -> None:
    made = network()
    state = made.state_dict()
    older = {key: value for key, value in state.items() if "num_batches" not in key and key != "0.bias"}
    assert with_counters(older, made).keys() == state.keys() - {"0.bias"}
    kept = {**state, "1.num_batches_tracked": torch.tensor(7)}
    assert with_counters(kept, made)["1.num_batches_tracked"] == 7


def test_normalise() -> None:
    levels = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 2, 4)
    assert torch.equal(Normalise()(levels), torch.zeros(1, 3, 2, 4))
    deviations = Normalise((0, 0, 0), (0.5, 0.25, 1))(torch.ones(1, 3, 1, 1))
    assert deviations.flatten().tolist() == [2, 4, 1]


@pytest.mark.parametrize("size", [(40, 30), (20, 90), (61, 83)], ids=str)
def test_resizing_is_that_of_pillow(size: tuple[int, int]) -> None:
    pixels = [recorded.image(61, 83, seed) for seed in (0, 1)]
    expected = [Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR) for image in pixels]
    images = torch.cat([to_tensor(image) for image in pixels])
    assert torch.equal(resize(images, size), torch.cat([to_tensor(np.array(image)) for image in expected]))


def test_resizing_rounds_first() -> None:
    levels = torch.tensor([0.4, 0.6]).repeat_interleave(8).div(255).view(1, 1, 1, 16).expand(1, 3, 8, 16)
    assert resize(levels, (8, 16)).unique().tolist() == pytest.approx([0, 1 / 255])
