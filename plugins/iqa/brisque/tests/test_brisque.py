from __future__ import annotations

import pytest
import torch

import iqabench
from iqabench.errors import ImageError
from iqabench.testing.images import natural
from iqabench_iqa_brisque.model import features_of
from iqabench_iqa_brisque.regression import FEATURE_RANGES


def test_features_lie_in_the_ranges_of_the_training_data() -> None:
    features = features_of(natural(3, 180, 240))
    lowest, highest = torch.tensor(FEATURE_RANGES, dtype=torch.float64).T
    assert features.shape == (3, 36)
    slack = 0.25 * (highest - lowest)
    assert bool((features > lowest - slack).all())
    assert bool((features < highest + slack).all())


def test_an_image_without_detail_is_refused() -> None:
    with pytest.raises(ImageError, match="detail"):
        iqabench.load("nr.brisque")(torch.zeros(1, 3, 40, 40))


def test_no_byte_depends_on_batch_order_or_threads() -> None:
    brisque, images, threads = iqabench.load("nr.brisque"), natural(5, 200, 310), torch.get_num_threads()
    expected = brisque(images)
    assert torch.equal(brisque(images.flip(0)).flip(0), expected)
    assert torch.equal(torch.cat([brisque(image[None]) for image in images]), expected)
    try:
        torch.set_num_threads(3 - min(threads, 2))
        assert torch.equal(brisque(images), expected)
    finally:
        torch.set_num_threads(threads)
