"""Against outputs of pyiqa 0.1.16, whose network is the authors' layer for layer, with the same made weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.batches import scores_in_any_batch
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_iqa_dbcnn.network import DbCnn, pool

MANIFEST = Path(__file__).with_name("manifest.json")
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]
picture = cache(recorded.picture)


@cache
def state() -> dict[str, Tensor]:
    return generate(read_manifest(MANIFEST), fill=recorded.fill)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(state(), tmp_path_factory.mktemp("dbcnn") / "any.pth", wrappers=("params",))


@pytest.fixture(scope="module")
def dbcnn(checkpoint: Path) -> Loaded:
    return iqabench.load("ugc.dbcnn", weights=checkpoint)


def test_stages(dbcnn: Loaded) -> None:
    """What both networks make of an image whose sides are no multiples of 16: maps of two sizes."""
    with torch.inference_mode():
        image = dbcnn.model.normalise(picture(70, 45, 3))
        objects, distortions = dbcnn.model.network.features1(image), dbcnn.model.network.features2(image)
    torch.testing.assert_close(objects[0, ::5], RECORDED["vgg"], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(distortions[0, ::2], RECORDED["scnn"], rtol=1e-4, atol=1e-5)
    assert objects.shape[-2:] != distortions.shape[-2:]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_score(dbcnn: Loaded, size: tuple[int, int, int]) -> None:
    expected = float(RECORDED["score"][SIZES.index(size)])
    assert float(dbcnn(picture(*size))) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_pooling() -> None:
    """Worked by hand: one place, then two."""
    objects, distortions = torch.tensor([[[[3.0]], [[0.0]]]]), torch.tensor([[[[3.0]]]])
    torch.testing.assert_close(pool(objects, distortions), torch.tensor([[1.0, 0.0]]), rtol=0, atol=1e-4)
    objects = torch.tensor([[[[1.0, 1.0]], [[2.0, 0.0]]]])
    distortions = torch.tensor([[[[1.0, 1.0]]]])
    torch.testing.assert_close(pool(objects, distortions), torch.full((1, 2), 0.5**0.5))


def test_official_manifest() -> None:
    assert manifest_of(DbCnn()) == read_manifest(MANIFEST)


def test_layouts(dbcnn: Loaded, tmp_path: Path) -> None:
    """As the authors' training writes it: a bare state of a data-parallel network, in old torch without counters."""
    older = {key: value for key, value in state().items() if not key.endswith("num_batches_tracked")}
    path = save(older, tmp_path / "net_params_best.pkl", prefix="module.")
    image = picture(*SIZES[3])
    assert torch.equal(iqabench.load("ugc.dbcnn", weights=path)(image), dbcnn(image))


def test_batches(dbcnn: Loaded) -> None:
    images = torch.cat([picture(384, 512, 1)[..., 4 * i : 4 * i + 64, 20 * i : 20 * i + 96] for i in range(17)])
    alone = scores_in_any_batch(dbcnn, images)
    assert alone.std() > 5e-5
    with torch.inference_mode():  # all at once, as on a GPU
        torch.testing.assert_close(dbcnn.model._score(images), alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 1e-3), ("float16", 1e-4)])
def test_half_precision_stays_near(dbcnn: Loaded, checkpoint: Path, dtype: str, drift: float) -> None:
    image = picture(70, 45, 3)
    half = float(iqabench.load("ugc.dbcnn", weights=checkpoint, dtype=dtype)(image))
    assert 0 < abs(half - float(dbcnn(image))) < drift
