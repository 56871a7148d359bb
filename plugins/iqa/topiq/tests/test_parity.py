"""Against outputs of the official code, recorded with the same made weights and images."""

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
from iqabench.testing.batches import scores_in_any_batch
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_iqa_topiq.network import CFANet

KONIQ = "cfanet_nr_koniq_res50-9a73138b.pth"
KADID = "cfanet_fr_kadid_res50-2c4cc61d.pth"
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]
picture = cache(recorded.picture)


def near(value: Tensor | float) -> object:
    return pytest.approx(float(value), rel=1e-4, abs=1e-5)


@pytest.fixture(scope="module")
def koniq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from written(tmp_path_factory, KONIQ)


@pytest.fixture(scope="module")
def topiq(koniq: Path) -> Loaded:
    return iqabench.load("ugc.topiq", weights=koniq)


@pytest.fixture(scope="module")
def with_reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    for path in written(tmp_path_factory, KADID):
        yield iqabench.load("fr.topiq", weights=path)


def written(folders: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    state = generate(read_manifest(Path(__file__).with_name("manifest.json"), name), fill=recorded.fill)
    path = save(state, folders.mktemp("topiq") / name, wrappers=("params",))
    yield path
    path.unlink()  # 180 MB


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_stages(topiq: Loaded, size: tuple[int, int, int]) -> None:
    """The tokens of every scale, and what is pooled from them."""
    at = SIZES.index(size)
    with torch.inference_mode():
        images = topiq.model.normalise(picture(*size))
        scales = torch.cat([tokens.mean(dim=1) for tokens in topiq.model.network._tokens(images, None)])
        pooled = topiq.model.network(images)[0]
    torch.testing.assert_close(scales, RECORDED["tokens"][at], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pooled, RECORDED["pooled"][at], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_score(topiq: Loaded, size: tuple[int, int, int]) -> None:
    assert float(topiq(picture(*size))) == near(RECORDED["score"][SIZES.index(size)])


@pytest.mark.parametrize("at", range(2))
def test_score_with_reference(with_reference: Loaded, at: int) -> None:
    size = RECORDED["reference_sizes"][at].tolist()
    assert float(with_reference(picture(*size, 0), picture(*size, 1))) == near(RECORDED["reference_score"][at])


def test_batches_with_reference(with_reference: Loaded) -> None:
    images, references = (
        torch.cat([picture(256, 256, seed)[..., 9 * i : 9 * i + 128, :160] for i in range(3)]) for seed in (0, 1)
    )
    together = with_reference(images, references)
    assert together.std() > 1e-4
    with torch.inference_mode():
        at_once = with_reference.model._score(images, references)
    torch.testing.assert_close(at_once, together, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [("flive", (0.04056880250573158, -0.03452600538730621)), ("ava", (5.781832218170166, 5.7210564613342285))],
)
def test_variants(tmp_path: Path, weights: str, expected: tuple[float, float]) -> None:
    """As recorded from pyiqa 0.1.16: of another width, of ten classes, and of images resized before."""
    wide = {"channels": 512, "heads": 8, "classes": 10} if weights == "ava" else {}
    state = generate(manifest_of(CFANet(reference=False, **wide)), fill=recorded.fill)
    path = save(state, tmp_path / "any.pth", wrappers=("params",))
    topiq = iqabench.load(f"ugc.topiq[weights={weights}]", weights=path)
    scores = [float(topiq(picture(*size))) for size in ((256, 320, 1), (333, 517, 2))]
    assert scores == [near(value) for value in expected]
    path.unlink()


def test_batches(topiq: Loaded) -> None:
    """A score does not depend on what else is in the batch."""
    images = torch.cat([picture(384, 512, 0)[..., 4 * i : 4 * i + 96, 20 * i : 20 * i + 128] for i in range(17)])
    alone = scores_in_any_batch(topiq, images)
    assert alone.std() > 1e-3
    with torch.inference_mode():  # all at once, as on a GPU
        torch.testing.assert_close(topiq.model._score(images), alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.01), ("float16", 0.002)])
def test_half_precision_stays_near(topiq: Loaded, koniq: Path, dtype: str, drift: float) -> None:
    image = picture(256, 256, 1)
    half = float(iqabench.load("ugc.topiq", weights=koniq, dtype=dtype)(image))
    assert 0 < abs(half - float(topiq(image))) < drift


def test_layouts(topiq: Loaded, koniq: Path, tmp_path: Path) -> None:
    """Keys may have a prefix of data-parallel training, and the counters of batches may be missing."""
    state = torch.load(koniq, weights_only=True)["params"]
    older = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    path = save(older, tmp_path / "any.pth", prefix="module.")
    image = picture(256, 256, 1)
    assert torch.equal(iqabench.load("ugc.topiq", weights=path)(image), topiq(image))
    path.unlink()
