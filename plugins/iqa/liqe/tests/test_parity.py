"""Against outputs of the authors' code and of pyiqa's, recorded with the same made weights and images.

The weights leave the softmax nearly flat, so most scores were recorded with its scale set to 100, as trained
weights have it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

import iqabench
from iqabench.errors import ImageError
from iqabench.images import to_tensor
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_iqa_liqe.model import Liqe
from iqabench_iqa_liqe.windows import Layout

with np.load(Path(__file__).with_name("recorded.npz")) as file:
    RECORDED = {name: torch.from_numpy(file[name]) for name in file.files if not name.startswith("tokens")}
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]
CORNERS = [(0, 0), (0, 100), (200, 0), (150, 300), (220, 330)]


@cache
def picture(height: int, width: int, seed: int) -> Tensor:
    return to_tensor(recorded.image(height, width, seed))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of both layouts at once: under "params" as pyiqa wraps it, with the authors' keys."""
    state = generate(read_manifest(Path(__file__).with_name("manifest.json")), fill=recorded.fill)
    state["logit_scale"] = torch.tensor(math.log(100))
    path = save(state, tmp_path_factory.mktemp("liqe") / "any.pt", wrappers=("params",))
    yield path
    path.unlink()  # 605 MB


@pytest.fixture(scope="module")
def official(checkpoint: Path) -> Loaded:
    return iqabench.load("ugc.liqe", weights=checkpoint)


@pytest.fixture(scope="module")
def koniq(checkpoint: Path) -> Loaded:
    return iqabench.load("ugc.liqe[weights=koniq]", weights=checkpoint, preprocess="pyiqa")


@pytest.fixture(scope="module")
def pyiqa(official: Loaded) -> Loaded:
    """Loaded from the same file, so only its layout differs."""
    liqe = Liqe(official.model.visual, official.model.descriptions, Layout(15, official=False))
    return replace(official, model=liqe.eval())


def test_text_features(official: Loaded, koniq: Loaded) -> None:
    texts = official.model.descriptions.flatten(0, 2) / 100
    torch.testing.assert_close(texts[::45], RECORDED["text_features"], rtol=1e-4, atol=1e-6)
    few = koniq.model.descriptions.flatten(0, 2) / 100
    torch.testing.assert_close(few, RECORDED["text_features_koniq"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_official(official: Loaded, size: tuple[int, int, int]) -> None:
    """Stage by stage, then the whole; the last size is large enough to be shrunk."""
    at = SIZES.index(size)
    with torch.inference_mode():
        features = official.model.encode(picture(*size))
        probabilities = official.model.probabilities(features)
    expected = normalize(RECORDED["window_features"][at], dim=-1)
    torch.testing.assert_close(features[0, [0, 14]], expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(probabilities.flatten(), RECORDED["logits"][at].softmax(-1), rtol=1e-4, atol=0)
    assert float(official(picture(*size))) == pytest.approx(float(RECORDED["official"][at]), rel=1e-5)


@pytest.mark.parametrize("size", SIZES[:3], ids=str)
def test_pyiqa(pyiqa: Loaded, koniq: Loaded, size: tuple[int, int, int]) -> None:
    at = SIZES.index(size)
    assert float(pyiqa(picture(*size))) == pytest.approx(float(RECORDED["pyiqa"][at]), rel=1e-5)
    assert float(koniq(picture(*size))) == pytest.approx(float(RECORDED["pyiqa_koniq"][at]), rel=1e-5)


def test_batches(official: Loaded) -> None:
    """A score does not depend on the batch: where windows are picked by the batch's size, as in some code, it does."""
    model = replace(
        official, model=Liqe(official.model.visual, official.model.descriptions, Layout(2, official=True)).eval()
    )
    images = torch.cat([picture(480, 640, 1)[..., y : y + 256, x : x + 300] for y, x in CORNERS])
    alone = torch.cat([model(images[i : i + 1]) for i in range(len(images))])
    assert alone.std() > 0.01
    shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    for size in (2, 5):
        together = torch.cat([model(images[some]) for some in shuffled.split(size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-5, atol=0)


def test_half_precision_stays_near(checkpoint: Path) -> None:
    image = picture(333, 517, 2)
    whole, half = (
        float(iqabench.load("ugc.liqe[weights=koniq]", weights=checkpoint, windows=1, dtype=dtype)(image))
        for dtype in ("float32", "bfloat16")
    )
    assert 0 < abs(half - whole) < 0.05


def test_windows() -> None:
    """Spread over the image from the top left, whatever the size; fewer where the image has fewer."""
    ramp = torch.arange(600.0 * 1100).view(1, 1, 600, 1100)
    for layout, image, apart in [
        (Layout(15, official=True), ramp, 48),
        (Layout(15, official=False), ramp, 32),
        (Layout(15, official=True), ramp[..., :1023], 32),
    ]:
        grid = image.unfold(2, 224, apart).unfold(3, 224, apart).flatten(2, 3)[0, 0]
        expected = grid[:: len(grid) // 15][:15]
        assert torch.equal(layout.cut(image)[0, :, 0], expected)
    assert Layout(15, official=True).cut(ramp[..., :256, :300]).shape == (1, 6, 1, 224, 224)
    assert Layout(4, official=True).cut(ramp).shape == (1, 4, 1, 224, 224)


def test_small_images_are_refused(koniq: Loaded) -> None:
    with pytest.raises(ImageError, match="224"):
        koniq(torch.zeros(1, 3, 224, 223))
