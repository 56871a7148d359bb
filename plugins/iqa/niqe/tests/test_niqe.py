from __future__ import annotations

import numpy as np
import pytest
import torch

import iqabench
from iqabench.errors import ImageError
from iqabench.testing.images import natural
from iqabench_iqa_niqe.model import block_features, gaussian_of


def test_only_whole_blocks_count() -> None:
    images = natural(1, 200, 300)
    changed = images.clone()
    changed[..., 192:, :] = 0
    changed[..., 288:] = 1
    assert block_features(images).shape == (1, 6, 36)
    assert torch.equal(block_features(images), block_features(changed))


def test_gaussian_passes_over_blocks_without_contrast() -> None:
    features = torch.randn(2, 9, 36, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    features[0, 3, 5] = torch.nan
    mean, covariance = gaussian_of(features)
    first = features[0].numpy()
    np.testing.assert_allclose(mean[0], np.nanmean(first, axis=0), rtol=1e-12)
    np.testing.assert_allclose(covariance[0], np.cov(np.delete(first, 3, axis=0), rowvar=False), atol=1e-14)
    np.testing.assert_allclose(covariance[1], np.cov(features[1].numpy(), rowvar=False), atol=1e-14)


def test_saturated_areas_leave_a_score() -> None:
    images = natural(1, 300, 300)
    images[..., :150] = 1
    images[..., :40, :] = 0
    niqe = iqabench.load("nr.niqe")
    assert bool(niqe(images).isfinite())
    with pytest.raises(ImageError, match="detail"):
        niqe(torch.ones(1, 3, 300, 300))


def test_one_block_is_enough_and_less_is_refused() -> None:
    niqe = iqabench.load("nr.niqe")
    assert bool(niqe(natural(1, 96, 96)).isfinite())
    with pytest.raises(ImageError, match="needs 96"):
        niqe(natural(1, 95, 200))


def test_no_byte_depends_on_batch_order_or_threads() -> None:
    niqe, images, threads = iqabench.load("nr.niqe"), natural(5, 200, 310), torch.get_num_threads()
    expected = niqe(images)
    assert torch.equal(niqe(images.flip(0)).flip(0), expected)
    assert torch.equal(torch.cat([niqe(image[None]) for image in images]), expected)
    try:
        torch.set_num_threads(3 - min(threads, 2))
        assert torch.equal(niqe(images), expected)
    finally:
        torch.set_num_threads(threads)
