"""Against distances recorded with the authors' package, DISTS-pytorch 0.1, for the same made network and images."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import iqabench
from iqabench.errors import KeysMismatch
from iqabench.images import to_tensor
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench_iqa_dists.model import compare, shrink
from iqabench_iqa_dists.network import l2_pool

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
FILE = "vgg16-397923af.pth"


def features_of(seed: int) -> dict[str, Tensor]:
    """The made network without its classifier, which is most of it."""
    manifest = read_manifest(HERE / "manifest.json", FILE)
    seen = {key: entry for key, entry in manifest.items() if key.startswith("features.")}
    return generate(seen, seed, fill=recorded.fill)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def load(seed: int) -> Loaded:
        return iqabench.load("fr.dists", weights=save(features_of(seed), tmp_path_factory.mktemp("dists") / FILE))

    return load


@cache
def pair(height: int, width: int, seed: int, distortion: str) -> tuple[Tensor, Tensor]:
    reference = recorded.image(height, width, seed)
    if distortion == "other":
        return to_tensor(recorded.image(height, width, seed + 10)), to_tensor(reference)
    noise = 15 * np.random.default_rng(seed).standard_normal(reference.shape)
    return to_tensor(np.clip(np.round(reference + noise), 0, 255).astype(np.uint8)), to_tensor(reference)


@pytest.mark.parametrize(
    "case", RECORDED, ids=lambda c: "-".join(map(str, [c["weights_seed"], *c["size"], c["distortion"]]))
)
def test_recorded(models: Any, case: dict[str, Any]) -> None:
    images, references = pair(*case["size"], case["image_seed"], case["distortion"])
    assert float(models(case["weights_seed"])(images, references)) == pytest.approx(case["score"], rel=1e-4, abs=1e-6)


def test_an_image_is_at_no_distance_from_itself(models: Any) -> None:
    image, reference = pair(256, 256, 0, "other")
    assert abs(float(models(0)(image, image))) < 1e-6
    assert float(models(0)(image, reference)) == pytest.approx(float(models(0)(reference, image)), rel=1e-4)


def test_batches(models: Any) -> None:
    image, reference = pair(333, 517, 2, "other")
    at = [(20 * i, 25 * i) for i in range(7)]
    images, references = (torch.cat([x[..., y : y + 64, z : z + 80] for y, z in at]) for x in (image, reference))
    alone = torch.cat([models(0)(images[i : i + 1], references[i : i + 1]) for i in range(len(at))])
    shuffled = torch.randperm(len(at), generator=torch.Generator().manual_seed(0))
    for size in (2, 5, 7):
        together = torch.cat([models(0)(images[some], references[some]) for some in shuffled.split(size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-6, atol=0)


def test_resized_as_the_authors_do(models: Any, tmp_path: Path) -> None:
    """Both images are shrunk by Pillow before they are compared; smaller ones are left alone."""
    image, reference = pair(333, 517, 2, "noise15")
    model = iqabench.load("fr.dists", weights=save(features_of(0), tmp_path / FILE), resize=64)
    small = [
        to_tensor(np.array(Image.fromarray(pixels).resize((99, 64), Image.Resampling.BILINEAR)))
        for pixels in [(x[0].permute(1, 2, 0) * 255).round().byte().numpy() for x in (image, reference)]
    ]
    assert shrink(image, 64).shape == (1, 3, 64, 99)
    assert torch.equal(model(image, reference), models(0)(*small))
    assert torch.equal(model(*small), models(0)(*small))


def test_pooling_weighs_by_the_hann_window() -> None:
    """numpy's window of five, without the zeros at its ends, across and down."""
    x = torch.rand(1, 2, 7, 6, generator=torch.Generator().manual_seed(1))
    hann = torch.from_numpy(np.hanning(5)[1:-1]).float()
    window = hann[:, None] * hann / hann.sum() ** 2
    here = (x[..., 1:4, 3:6].square() * window).sum(dim=(2, 3)).sqrt()
    torch.testing.assert_close(l2_pool(x)[..., 1, 2], here)
    assert l2_pool(x).shape == (1, 2, 4, 3)


def test_texture_is_the_mean_and_structure_the_correlation() -> None:
    """The same values in other places have the same texture; scaled ones, another structure but full correlation."""
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    texture, structure = compare(torch.cat([x, x.flip(-1)]))
    assert float(texture) == pytest.approx(1)
    assert abs(float(structure)) < 0.3
    _, structure = compare(torch.cat([x, 2 * x]))
    assert float(structure) == pytest.approx(0.8, rel=1e-4)  # 2·2 / (1 + 4)


def test_half_a_classifier_is_refused(tmp_path: Path) -> None:
    """All of it, as in the official file, or none."""
    state = {**features_of(0), "classifier.6.bias": torch.zeros(1000)}
    with pytest.raises(KeysMismatch, match="classifier"):
        iqabench.load("fr.dists", weights=save(state, tmp_path / FILE))
