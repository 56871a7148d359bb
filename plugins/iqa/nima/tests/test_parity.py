"""Against outputs of pyiqa 0.1.16, recorded with the same made weights and images.

Made weights leave the ten ratings nearly alike, so their probabilities are compared beside the scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_iqa_nima.model import INCEPTION, VGG, NimaNetwork, middle

MANIFEST = Path(__file__).with_name("manifest.json")
AVA, VGG_AVA = "NIMA_InceptionV2_ava-b0c77c00.pth", "NIMA_VGG16_ava-dc4e8265.pth"
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]
picture = cache(recorded.picture)


def written(folder: Path, name: str, classes: int = 10) -> Path:
    manifest = read_manifest(MANIFEST, name)
    head = {"classifier.2.weight": ((classes, manifest["classifier.2.weight"][0][1]), "float32"),
            "classifier.2.bias": ((classes,), "float32")}  # fmt: skip
    return save(generate(manifest | head, fill=recorded.fill), folder / "any.pth", wrappers=("params",))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = written(tmp_path_factory.mktemp("nima"), AVA)
    yield path
    path.unlink()  # 218 MB


@pytest.fixture(scope="module")
def nima(checkpoint: Path) -> Loaded:
    return iqabench.load("ugc.nima", weights=checkpoint)


def probabilities(nima: Loaded, image: Tensor) -> Tensor:
    with torch.inference_mode():
        network = nima.model.network
        distribution: Tensor = network(nima.model.normalise(middle(image, nima.model.side)))[0]
    return distribution


def test_stages(nima: Loaded) -> None:
    with torch.inference_mode():
        image = nima.model.normalise(middle(picture(333, 517, 2), 299))
        pooled = nima.model.network.pooled(image)
    torch.testing.assert_close(image[0, :, ::23, ::29], RECORDED["input_ava"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pooled[0, ::4], RECORDED["features_ava"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_ratings(nima: Loaded, size: tuple[int, int, int]) -> None:
    at = SIZES.index(size)
    image = picture(*size)
    torch.testing.assert_close(probabilities(nima, image), RECORDED["dist_ava"][at], rtol=1e-4, atol=1e-6)
    assert float(nima(image)) == pytest.approx(float(RECORDED["score_ava"][at]), rel=1e-5)


@pytest.mark.parametrize("weights", ["koniq", "spaq"])
def test_score_without_ratings(tmp_path: Path, weights: str) -> None:
    path = written(tmp_path, AVA, classes=1)
    nima = iqabench.load(f"ugc.nima[weights={weights}]", weights=path)
    path.unlink()
    assert float(nima(picture(*SIZES[0]))) == pytest.approx(float(RECORDED["score_koniq"][0]), rel=1e-4)


def test_vgg(tmp_path: Path) -> None:
    path = written(tmp_path, VGG_AVA)
    nima = iqabench.load("ugc.nima[weights=vgg16-ava]", weights=path)
    path.unlink()
    image = picture(333, 517, 2)
    with torch.inference_mode():
        pooled = nima.model.network.pooled(nima.model.normalise(middle(image, 224)))
    torch.testing.assert_close(pooled[0, ::4], RECORDED["features_vgg16-ava"], rtol=1e-4, atol=1e-6)
    for at in (1, 2):
        found = probabilities(nima, picture(*SIZES[at]))
        torch.testing.assert_close(found, RECORDED["dist_vgg16-ava"][at], rtol=1e-4, atol=1e-6)
        assert float(nima(picture(*SIZES[at]))) == pytest.approx(float(RECORDED["score_vgg16-ava"][at]), rel=1e-5)


@pytest.mark.parametrize(("backbone", "name"), [(INCEPTION, AVA), (VGG, VGG_AVA)])
def test_official_manifest(backbone: object, name: str) -> None:
    with torch.device("meta"):
        network = NimaNetwork(backbone, 10)  # type: ignore[arg-type]
    assert manifest_of(network) == read_manifest(MANIFEST, name)


def test_batches(nima: Loaded) -> None:
    images = torch.cat([picture(384, 512, 1)[..., 20 * i : 20 * i + 24, 20 * i : 20 * i + 30] for i in range(5)])
    alone = torch.cat([nima(image[None]) for image in images])
    assert len(alone.unique()) == 5
    shuffled = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(nima(images[shuffled]), alone[shuffled], rtol=1e-5, atol=0)
    with torch.inference_mode():  # two at once, as on a GPU
        torch.testing.assert_close(nima.model._score(images[:2]), alone[:2], rtol=1e-5, atol=0)


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_stays_near(nima: Loaded, checkpoint: Path, dtype: str, drift: float) -> None:
    image = picture(*SIZES[0])
    half = float(iqabench.load("ugc.nima", weights=checkpoint, dtype=dtype)(image))
    assert 0 < abs(half - float(nima(image))) < drift
