"""Against outputs of the official code, of pyiqa and of torchmetrics, recorded with the same weights and images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

import iqabench
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.batches import scores_in_any_batch
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_iqa_arniqa.crops import CROP, five_crops
from iqabench_iqa_arniqa.model import RANGES, half_size

MANIFEST = Path(__file__).with_name("manifest.json")
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]

Load = Callable[..., Loaded]
picture = cache(recorded.picture)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """Loads the scorer with the regressor of a data set; every regressor has the same made weights."""
    folder = tmp_path_factory.mktemp("arniqa")
    encoder, regressor = (
        save(generate(read_manifest(MANIFEST, part), fill=recorded.fill), folder / part)
        for part in ("ARNIQA.pth", "regressor")
    )

    @cache
    def loaded(weights: str = "kadid10k", preprocess: str = "crops", dtype: str = "float32") -> Loaded:
        model = f"ugc.arniqa[weights={weights},preprocess={preprocess}]"
        files = {"ARNIQA.pth": encoder, f"regressor_{weights}.pth": regressor}
        return iqabench.load(model, weights=files, dtype=dtype)

    yield loaded
    encoder.unlink()  # 110 MB


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_features(load: Load, size: tuple[int, int, int]) -> None:
    at = SIZES.index(size)
    model = load(preprocess="whole").model
    with torch.inference_mode():
        features = model.features(picture(*size))[0]
        coarse = model.features(half_size(picture(*size), "whole"))[0]
    torch.testing.assert_close(features, RECORDED["features"][at], rtol=0, atol=1e-6)
    torch.testing.assert_close(coarse[::4], RECORDED["half_features"][at], rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_scores(load: Load, size: tuple[int, int, int]) -> None:
    at = SIZES.index(size)
    for weights in ("kadid10k", "koniq10k", "live"):
        score = float(load(weights, "whole")(picture(*size)))
        assert score == pytest.approx(float(RECORDED[weights][at]), rel=1e-4)
    score = float(load("koniq10k")(picture(*size)))
    assert score == pytest.approx(float(RECORDED["crops_koniq10k"][at]), rel=1e-4)


@pytest.mark.parametrize("preprocess", ["crops", "whole", "pyiqa", "torchmetrics"])
def test_raw_scores(load: Load, preprocess: str) -> None:
    """In the units of the data set, where the ways to halve an image differ by 3e-6 and more."""
    low, high = RANGES["kadid10k"]
    expected = RECORDED[preprocess].double()
    sizes = SIZES[: len(expected)]  # pyiqa's and torchmetrics' outputs were recorded at the first three only
    for size, raw in zip(sizes, expected, strict=True):
        score = float(load(preprocess=preprocess)(picture(*size)))
        assert score * (high - low) + low == pytest.approx(float(raw.mean()), abs=1e-6)


def test_crops() -> None:
    """Centre, top left, bottom left, top right, bottom right; black where the image is smaller."""
    image = torch.arange(300.0 * 260).view(1, 1, 300, 260)
    corners = [[38, 18], [0, 0], [76, 0], [0, 36], [76, 36]]
    crops = five_crops(image)
    assert crops.shape == (1, 5, 1, CROP, CROP)
    assert [divmod(int(crop[0, 0, 0]), 260) for crop in crops[0]] == [tuple(corner) for corner in corners]
    small = five_crops(torch.ones(2, 3, 125, 240))
    assert [float(crop.mean(dim=(0, 2)).sum()) for crop in small[0]] == [125.0] * 5
    assert small[0, 0, 0, :, 0].nonzero().flatten()[[0, -1]].tolist() == [50, 174]
    assert small[0, 2, 0, :, 0].nonzero().flatten()[[0, -1]].tolist() == [99, 223]


def test_batches(load: Load) -> None:
    arniqa = load()
    images = torch.cat([picture(480, 640, 0)[..., 6 * i : 6 * i + 250, 20 * i : 20 * i + 240] for i in range(17)])
    alone = scores_in_any_batch(arniqa, images)
    assert alone.std() > 1e-5
    with torch.inference_mode():  # all at once, as on a GPU
        torch.testing.assert_close(arniqa.model._score(images[:3]), alone[:3], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near(load: Load, dtype: str) -> None:
    image = picture(333, 517, 2)
    assert 0 < abs(float(load(dtype=dtype)(image) - load()(image))) < 1e-3
