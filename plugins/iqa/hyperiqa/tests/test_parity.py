"""Against outputs of the official code and of pyiqa's, recorded with the same made weights and images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

import iqabench
from iqabench.compat.pillow import resize
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.batches import scores_in_any_batch
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_iqa_hyperiqa.crops import SIZE, grid_crops, random_crops
from iqabench_iqa_hyperiqa.network import SIDE

MANIFEST = Path(__file__).with_name("manifest.json")
OFFICIAL, PYIQA = "koniq_pretrained.pkl", "HyperIQA-resnet50-koniq10k-c96c41b1.pth"
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]
picture = cache(recorded.picture)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    state = generate(read_manifest(MANIFEST, OFFICIAL), fill=recorded.fill)
    path = save(state, tmp_path_factory.mktemp("hyperiqa") / OFFICIAL)
    yield path
    path.unlink()  # 110 MB


@pytest.fixture(scope="module")
def hyperiqa(checkpoint: Path) -> Loaded:
    return iqabench.load("ugc.hyperiqa", weights=checkpoint)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_crops(hyperiqa: Loaded, size: tuple[int, int, int]) -> None:
    """The distortion vector of the first crop, the score of each, and their mean."""
    at = SIZES.index(size)
    resized = resize(picture(*size), SIZE)[0]
    crops = torch.stack([resized[:, y : y + SIDE, x : x + SIDE] for y, x in RECORDED["offsets"].tolist()])
    with torch.inference_mode():
        _, distortions = hyperiqa.model.network(hyperiqa.model.normalise(crops[:1]))
        scores = hyperiqa.model.scores_of_crops(crops).double()
    torch.testing.assert_close(distortions[0], RECORDED["distortions"][at], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scores, RECORDED["crops"][at], rtol=1e-5, atol=0)
    assert float(scores.mean()) == pytest.approx(float(RECORDED["score"][at]), rel=1e-5)


def test_preparation(hyperiqa: Loaded) -> None:
    """Landscape becomes portrait, as in the official code."""
    prepared = hyperiqa.model.normalise(resize(picture(480, 640, 1), SIZE))[0]
    torch.testing.assert_close(prepared[:, ::64, ::48], RECORDED["prepared"], rtol=0, atol=1e-6)


def test_random_crops(hyperiqa: Loaded) -> None:
    """With a seed, the crops are those that torchvision takes after ``torch.manual_seed``."""
    score = float(hyperiqa(picture(480, 640, 1), seeds=[0]))
    assert score == pytest.approx(float(RECORDED["random"].mean()), rel=1e-5)
    assert score != float(hyperiqa(picture(480, 640, 1), seeds=[1]))


def test_number_of_crops(hyperiqa: Loaded, checkpoint: Path) -> None:
    image = picture(480, 640, 1)
    few = iqabench.load("ugc.hyperiqa", weights=checkpoint, crops=3)
    assert float(few(image, seeds=[0])) == pytest.approx(float(RECORDED["random"][:3].mean()), rel=1e-5)
    assert len(random_crops(image[0], 25, seed=0)) == 25
    assert torch.equal(random_crops(image[0], 25, seed=0)[:10], random_crops(image[0], 10, seed=0))


def test_pyiqa(checkpoint: Path) -> None:
    hyperiqa = iqabench.load("ugc.hyperiqa", weights=checkpoint, preprocess="pyiqa")
    scores = [float(hyperiqa(picture(*size))) for size in SIZES[1:]]
    assert scores == pytest.approx(RECORDED["pyiqa"].tolist(), rel=1e-5)


def test_grid() -> None:
    ramp = torch.arange(3 * 300.0 * 400).view(3, 300, 400)
    crops = grid_crops(ramp)
    places = [divmod(int(crop[0, 0, 0]), 400) for crop in crops]
    assert places == [(row * 15, column * 35) for row in range(5) for column in range(5)]
    assert grid_crops(torch.rand(3, 150, 300)).shape == (25, 3, SIDE, SIDE)


def test_pyiqa_names_the_same_layers(hyperiqa: Loaded, checkpoint: Path, tmp_path: Path) -> None:
    """The same weights under the other names give the same score."""
    shapes = {key: shape for key, (shape, _) in read_manifest(MANIFEST, PYIQA).items()}
    state = {_as_pyiqa(key): value for key, value in torch.load(checkpoint, weights_only=True).items()}
    assert {key: tuple(value.shape) for key, value in state.items()} == shapes
    path = save(state, tmp_path / PYIQA, wrappers=("params",))
    renamed = iqabench.load("ugc.hyperiqa[weights=koniq-pyiqa]", weights=path)
    image = picture(333, 517, 2)
    assert torch.equal(renamed(image), hyperiqa(image))
    path.unlink()


def _as_pyiqa(key: str) -> str:
    """pyiqa's name of an official key, by the layers' places in its lists."""
    for pattern, name in (
        (r"res\.lda(\d)_pool\.0", "lda_modules.{}.0"),
        (r"res\.lda([123])_fc", "lda_modules.{}.3"),
        (r"res\.lda(4)_fc", "lda_modules.{}.2"),
        (r"fc(\d)w_conv", "fc_w_modules.{}"),
        (r"fc(5)w_fc", "fc_w_modules.{}.2"),
        (r"fc(\d)b_fc", "fc_b_modules.{}.2"),
    ):
        if match := re.match(pattern, key):
            return name.format(int(match[1]) - 1) + key[match.end() :]
    return re.sub(r"^res\.", "base_model.", key)


def test_counters_of_batches_may_be_missing(hyperiqa: Loaded, checkpoint: Path, tmp_path: Path) -> None:
    """Files of PyTorch before 0.4.1 have none."""
    state = torch.load(checkpoint, weights_only=True)
    older = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(state) - len(older) == 53
    path = save(older, tmp_path / OFFICIAL)
    image = picture(333, 517, 2)
    assert torch.equal(iqabench.load("ugc.hyperiqa", weights=path)(image), hyperiqa(image))
    path.unlink()


def test_batches(checkpoint: Path) -> None:
    """Neither the crops nor the score of an image depend on what else is in the batch."""
    hyperiqa = iqabench.load("ugc.hyperiqa", weights=checkpoint, crops=2)
    images = torch.cat([picture(480, 640, 1)[..., 6 * i : 6 * i + 96, 20 * i : 20 * i + 128] for i in range(17)])
    alone = scores_in_any_batch(hyperiqa, images, atol=0)
    assert alone.std() > 0.01


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_stays_near(hyperiqa: Loaded, checkpoint: Path, dtype: str, drift: float) -> None:
    image = picture(333, 517, 2)
    half = iqabench.load("ugc.hyperiqa", weights=checkpoint, dtype=dtype)
    assert 0 < abs(float(half(image) - hyperiqa(image))) < drift
