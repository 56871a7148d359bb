"""Against outputs of pyiqa 0.1.16, whose network is the authors' layer for layer, with the same made weights.

Crops were scored one by one, as the authors do, and on pyiqa's grid. Most were recorded with a reduced network, built
from the same classes; the slow test is of the full size. With weights of that recipe the attention across channels
magnifies the rounding of float32 a thousandfold, in pyiqa's code too, so its stages were recorded and are compared in
float64; scores in float32 are of "calm" weights, which have an eighth of its queries and keys.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
import iqabench_iqa_maniqa
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.batches import scores_in_any_batch
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench.weights.config import read_config
from iqabench_iqa_maniqa.crops import random_corners
from iqabench_iqa_maniqa.network import Config, Maniqa
from iqabench_iqa_maniqa.swin import offsets, shift_mask

HERE = Path(__file__).parent
KONIQ = "ckpt_koniq10k.pt"
RECORDED = recorded.read_outputs(HERE / "recorded.npz")
CORNERS: list[list[int]] = RECORDED["corners"].tolist()
picture = cache(recorded.picture)


def near(value: Tensor | float) -> object:
    return pytest.approx(float(value), rel=1e-4, abs=1e-5)


def crop(y: int, x: int) -> Tensor:
    return picture(333, 517, 2)[..., y : y + 224, x : x + 224]


def made(name: str, *, calm: bool) -> dict[str, Tensor]:
    """What a network computes by itself, its masks and indices, is zero: it is not read."""
    state = generate(read_manifest(HERE / "manifest.json", name), fill=recorded.fill)
    for key, value in state.items():
        if key.endswith("attn_mask"):
            value.zero_()
        elif calm and (".c_q." in key or ".c_k." in key):
            value.div_(8)
    return state


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    path = save(made("reduced", calm=True), tmp_path_factory.mktemp("maniqa") / "reduced.pt")
    return {"config.json": HERE / "reduced.json", KONIQ: path}


@pytest.fixture(scope="module")
def maniqa(files: dict[str, Path]) -> Loaded:
    return iqabench.load("ugc.maniqa", weights=files)


def in_double(config: Config, name: str) -> Maniqa:
    network = Maniqa(config, scale=0.8).eval()
    network.load_state_dict(made(name, calm=False))
    network.double()
    with torch.inference_mode():
        network.settle()
    return network


@torch.inference_mode()
def test_stages() -> None:
    network = in_double(read_config(HERE / "reduced.json", Config), "reduced")
    crops = torch.cat([crop(*corner) for corner in CORNERS]).double() * 2 - 1
    torch.testing.assert_close(network.tokens(crops)[:, ::7, ::3], RECORDED["tokens"], rtol=1e-7, atol=1e-7)
    scores, weights = network(crops)
    torch.testing.assert_close(scores, RECORDED["f"], rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(weights, RECORDED["w"], rtol=1e-7, atol=1e-7)
    means = (scores * weights).sum(1) / weights.sum(1)
    torch.testing.assert_close(means, RECORDED["crop_scores"], rtol=1e-7, atol=0)


@pytest.mark.parametrize(("weights", "expected"), [("koniq", "calm_crop_scores"), ("pipal", "calm_crop_scores_pipal")])
def test_crops(files: dict[str, Path], weights: str, expected: str) -> None:
    """An image of a crop's size has one; pipal's network adds its layers with another weight."""
    given = {"config.json": files["config.json"], "MANIQA_PIPAL-ae6d356b.pth": files[KONIQ]}
    maniqa = iqabench.load(f"ugc.maniqa[weights={weights}]", weights=files if weights == "koniq" else given)
    for corner, score in zip(CORNERS, RECORDED[expected], strict=True):
        assert float(maniqa(crop(*corner))) == near(score)


def test_mean_of_random_crops(maniqa: Loaded) -> None:
    """Over all draws, those that fall on one place too."""
    image = picture(333, 517, 2)[..., 100:326, 100:327]
    with torch.inference_mode():
        draws = torch.Generator().manual_seed(7)
        tops, lefts = (torch.randint(length - 224, (20,), generator=draws).tolist() for length in (226, 227))
        crops = torch.cat([image[..., y : y + 224, x : x + 224] for y, x in zip(tops, lefts, strict=True)])
        scores, weights = maniqa.model.patches(crops)
        expected = ((scores * weights).sum(1) / weights.sum(1)).mean()
    assert float(maniqa(image, seeds=[7])) == near(expected)
    assert float(maniqa(image, seeds=[8])) != float(maniqa(image, seeds=[7]))


def test_corners() -> None:
    corners, times = random_corners(230, 1000, 224, 500, seed=3)
    assert int(times.sum()) == 500
    assert corners[:, 0].unique().tolist() == [0, 1, 2, 3, 4, 5]  # the last is never drawn
    assert 700 < int(corners[:, 1].max()) < 776


@pytest.mark.parametrize("crops", [20, 5, 1])
def test_grid(files: dict[str, Path], crops: int) -> None:
    """Images of which a side is no longer than the crop are enlarged."""
    maniqa = iqabench.load("ugc.maniqa[preprocess=pyiqa]", weights=files, crops=crops)
    for size, score in zip(((333, 517, 2), (224, 300, 1), (384, 225, 3)), RECORDED[f"calm_grid_{crops}"], strict=True):
        assert float(maniqa(picture(*size))) == near(score)


def test_batches(files: dict[str, Path]) -> None:
    maniqa = iqabench.load("ugc.maniqa", weights=files, crops=2)
    images = torch.cat([picture(333, 517, 2)[..., 4 * i : 4 * i + 240, 12 * i : 12 * i + 250] for i in range(17)])
    alone = scores_in_any_batch(maniqa, images)
    assert alone.std() > 0.01


def test_half_precision_stays_near(maniqa: Loaded, files: dict[str, Path]) -> None:
    image = crop(17, 200)
    half = float(iqabench.load("ugc.maniqa", weights=files, dtype="bfloat16")(image))
    assert 0 < abs(half / float(maniqa(image)) - 1) < 0.05


def test_official_manifest() -> None:
    """The packaged configuration is of the released network, key for key."""
    config = read_config(Path(iqabench_iqa_maniqa.__file__).with_name("config.json"), Config)
    assert config == Config()
    with torch.device("meta"):
        network = Maniqa(config, scale=0.8)
    assert manifest_of(network) == read_manifest(HERE / "manifest.json", KONIQ)


def test_offsets() -> None:
    """The bias between two places depends on their distance down and along alone."""
    table = offsets(3)
    assert table[0, 0] == table[4, 4] == table[8, 8] == 12
    assert table[0, 8] == 0
    assert table[8, 0] == 24
    assert table[0, 1] == table[4, 5] == 11


def test_shifted_windows_do_not_look_round_the_border() -> None:
    mask = shift_mask(8, 4, 2)
    assert mask.shape == (4, 16, 16)
    assert not mask[0].any()
    assert (mask[3] == 0).sum() == 16 * 4  # a quarter of the last window sees only itself


@pytest.mark.slow
@torch.inference_mode()
def test_full_size(tmp_path: Path) -> None:
    image = crop(40, 90)
    network = in_double(Config(), KONIQ)
    scores, weights = network(image.double() * 2 - 1)
    del network
    torch.testing.assert_close(scores[0], RECORDED["full_f"], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(weights[0], RECORDED["full_w"], rtol=1e-6, atol=1e-6)
    path = save(made(KONIQ, calm=True), tmp_path / KONIQ)
    maniqa = iqabench.load("ugc.maniqa", weights=path)
    path.unlink()  # 543 MB
    assert float(maniqa(image)) == near(RECORDED["full_calm_score"])
