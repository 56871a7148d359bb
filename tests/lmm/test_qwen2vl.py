"""How Qwen2-VL sees: sizes, patches and places, against transformers' own processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from iqabench.compat.libraries import import_library
from iqabench.errors import ImageError, WeightsError
from iqabench.images import to_pixels
from iqabench.lmm.qwen2vl import Qwen2VL, Resizing, build, load
from iqabench.testing.images import natural


def test_sizes_are_those_of_transformers() -> None:
    module: Any = import_library("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    draws = np.random.default_rng(0)
    sizes = [(1, 1), (1, 200), (14, 42), (3000, 4000), *draws.integers(1, 2500, (200, 2)).tolist()]
    for low, high in ((3136, 12845056), (3136, 50176), (3136, 1003520)):
        ours = Resizing(28, low, high)
        for height, width in sizes:
            if max(height, width) <= 200 * min(height, width):
                expected = module.smart_resize(height, width, factor=28, min_pixels=low, max_pixels=high)
                assert ours.size(height, width) == expected, (height, width)


def test_extreme_proportions_are_refused() -> None:
    with pytest.raises(ImageError, match="201×1 is longer than 200 times"):
        Resizing(28, 3136, 50176).size(1, 201)


@pytest.mark.parametrize("size", [(56, 56), (61, 97), (150, 70)])
def test_patches_are_those_of_transformers(model: Qwen2VL, size: tuple[int, int]) -> None:
    processors: Any = import_library("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    images = natural(2, *size)
    ours, grid = model.vision.patches(images)
    expected = processors.Qwen2VLImageProcessorPil(max_pixels=12845056)(
        [to_pixels(image) for image in images], return_tensors="pt"
    )
    assert expected["image_grid_thw"].tolist() == [[1, *grid]] * 2
    torch.testing.assert_close(ours, expected["pixel_values"].float(), rtol=0, atol=1e-6)


@torch.inference_mode()
def test_places_are_those_of_transformers(model: Qwen2VL) -> None:
    network: Any = model.network
    images = natural(1, 64, 140)
    _, grid = model.vision.patches(images)
    sight = model.vision(images)
    before, count, after = 7, sight.embeddings.shape[1], 5
    kinds = torch.tensor([[0] * before + [1] * count + [0] * after])
    expected, _ = network.model.get_rope_index(
        torch.zeros_like(kinds), kinds.int(), image_grid_thw=torch.tensor([[1, *grid]])
    )
    assert sight.positions is not None
    assert torch.equal(sight.positions + before, expected[:, 0, before : before + count])
    assert sight.span is not None
    assert int(expected[0, 0, before + count]) == before + sight.span


def test_what_is_no_configuration_is_named(folder: Any, context: Any) -> None:
    with pytest.raises(WeightsError, match="not one of Qwen2-VL"):
        build({"vision_config": {"depth": "many"}})
    (folder / "preprocessor_config.json").write_text("{}")
    with pytest.raises(WeightsError, match="min_pixels"):
        load(context({path.name: path for path in folder.iterdir()}))
