"""Against distances recorded with the authors' package, lpips 0.1.4, for the same made backbones and images."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.errors import ImageError, KeysMismatch
from iqabench.images import to_tensor
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, read_manifest, save

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
FILES = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth", "squeeze": "squeezenet1_1-b8a52dc0.pth"}


def features_of(net: str, seed: int) -> dict[str, Tensor]:
    """A made backbone without its classifier, which is most of it."""
    manifest = read_manifest(HERE / "manifest.json", FILES[net])
    seen = {key: entry for key, entry in manifest.items() if key.startswith("features.")}
    return generate(seen, seed, fill=recorded.fill)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def load(net: str, seed: int) -> Loaded:
        path = save(features_of(net, seed), tmp_path_factory.mktemp(net) / FILES[net])
        return iqabench.load("fr.lpips", weights=path, net=net)

    return load


@cache
def pair(height: int, width: int, seed: int, distortion: str) -> tuple[Tensor, Tensor]:
    reference = recorded.image(height, width, seed)
    if distortion == "other":
        return to_tensor(recorded.image(height, width, seed + 10)), to_tensor(reference)
    noise = 15 * np.random.default_rng(seed).standard_normal(reference.shape)
    return to_tensor(np.clip(np.round(reference + noise), 0, 255).astype(np.uint8)), to_tensor(reference)


@pytest.mark.parametrize(
    "case", RECORDED, ids=lambda c: "-".join(map(str, [c["net"], c["weights_seed"], *c["size"], c["distortion"]]))
)
def test_recorded(models: Any, case: dict[str, Any]) -> None:
    model = models(case["net"], case["weights_seed"])
    images, references = pair(*case["size"], case["image_seed"], case["distortion"])
    assert float(model(images, references)) == pytest.approx(case["score"], rel=1e-4)
    with torch.inference_mode():
        layers = [float(layer) for layer in model.model.distances(images, references)]
    assert layers == pytest.approx(case["layers"], rel=1e-4)


@pytest.mark.parametrize("net", FILES)
def test_an_image_is_at_no_distance_from_itself(models: Any, net: str) -> None:
    image, reference = pair(256, 256, 0, "other")
    assert float(models(net, 0)(image, image)) == 0
    forth, back = models(net, 0)(torch.cat([image, reference]), torch.cat([reference, image]))
    assert float(forth) == pytest.approx(float(back), rel=1e-5)


def test_batches(models: Any) -> None:
    image, reference = pair(333, 517, 2, "other")
    at = [(20 * i, 25 * i) for i in range(10)]
    images, references = (torch.cat([x[..., y : y + 64, z : z + 80] for y, z in at]) for x in (image, reference))
    model = models("alex", 0)
    alone = torch.cat([model(images[i : i + 1], references[i : i + 1]) for i in range(len(at))])
    shuffled = torch.randperm(len(at), generator=torch.Generator().manual_seed(0))
    for size in (2, 5, 10):
        together = torch.cat([model(images[some], references[some]) for some in shuffled.split(size)])
        torch.testing.assert_close(together, alone[shuffled], rtol=1e-6, atol=0)


def test_half_a_classifier_is_refused(tmp_path: Path) -> None:
    """All of it, as in the official file, or none; and not another network's."""
    state = features_of("squeeze", 0)
    bias = {"classifier.1.bias": torch.zeros(1000)}
    with pytest.raises(KeysMismatch, match="classifier"):
        iqabench.load("fr.lpips", weights=save({**state, **bias}, tmp_path / "half.pth"), net="squeeze")
    with pytest.raises(KeysMismatch):
        iqabench.load("fr.lpips", weights=save(state, tmp_path / "squeeze.pth"))


def test_small_images_are_refused(models: Any) -> None:
    """Under 31 pixels a side AlexNet pools until nothing is left."""
    image = torch.full((1, 3, 30, 64), 0.5)
    with pytest.raises(ImageError, match="31"):
        models("alex", 0)(image, image)
