"""Against outputs that were recorded with the same made weights and images.

Patches and their places are those of the authors' preprocessing, run in TensorFlow 2.21 (``tf.image.resize`` with the
Gaussian kernel, ``extract_patches``). Scores are those of pyiqa 0.1.16: of its network as it is and, for the official
ones, fed with TensorFlow's patches and with the tanh formula of GELU that JAX computes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import iqabench
from iqabench.errors import ImageError, KeysMismatch
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.batches import scores_in_any_batch
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_iqa_musiq.network import MusiqNetwork
from iqabench_iqa_musiq.patches import _places, cut

Arrays = dict[str, NDArray[np.float32]]
MANIFEST = Path(__file__).with_name("manifest.json")
with np.load(Path(__file__).with_name("recorded.npz")) as file:
    RECORDED = {name: file[name] for name in file.files}
SIZES: list[tuple[int, int, int]] = [tuple(size) for size in RECORDED["sizes"].tolist()]
picture = cache(recorded.picture)


def near(value: float) -> object:
    return pytest.approx(float(value), rel=1e-4, abs=1e-5)


def converted(classes: int = 1) -> dict[str, Tensor]:
    """A state as pyiqa names it; of ten classes, its head is the first part of a sequence."""
    manifest = read_manifest(MANIFEST, "musiq_koniq_ckpt-e95806b9.pth")
    if classes > 1:
        del manifest["head.weight"], manifest["head.bias"]
        manifest |= {"head.0.weight": ((classes, 384), "float32"), "head.0.bias": ((classes,), "float32")}
    return generate(manifest, fill=recorded.fill)


def released(state: Mapping[str, Tensor]) -> Arrays:
    """The same parameters under the names and in the shapes of the authors' file."""
    arrays = {}
    for name, (shape, _) in read_manifest(MANIFEST, "koniq_ckpt.npz").items():
        value = state[converted_name(name)]
        if value.ndim == 4:
            value = value.permute(2, 3, 1, 0)
        elif value.ndim == 2 and not name.endswith("_embedding"):
            value = value.mT
        arrays[name] = value.reshape(shape).numpy()
    return arrays


def converted_name(name: str) -> str:
    """Word by word, another way than the loader goes."""
    words = {
        "opt": "", "target": "", "Transformer": "transformer_encoder", "unit1": "", "LayerNorm_0": "norm1",
        "LayerNorm_2": "norm2", "MultiHeadDotProductAttention_1": "attention", "MlpBlock_3": "mlp", "Dense_0": "fc1",
        "Dense_1": "fc2", "kernel": "weight", "scale": "weight", "pos_embedding": "position_emb",
        "scale_embedding": "scale_emb",
    }  # fmt: skip
    found = ".".join(filter(None, (words.get(word, word) for word in name.split("/"))))
    return re.sub(r"\.encoderblock", ".transformer.encoderblock", found)


def write(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With something of the optimiser's beside the parameters."""
    path = tmp_path_factory.mktemp("musiq") / "koniq_ckpt.npz"
    yield write(path, {**released(converted()), "opt/state/step": np.zeros((), np.int64)})
    path.unlink()  # 108 MB


@pytest.fixture(scope="module")
def musiq(npz: Path) -> Loaded:
    return iqabench.load("ugc.musiq", weights=npz)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_patches(size: tuple[int, int, int]) -> None:
    patches = cut(picture(*size), official=True)
    height, width, seed = size
    pixels = patches.pixels[0].permute(0, 2, 3, 1)[::17, ::9, ::11].numpy()
    np.testing.assert_allclose(pixels, RECORDED[f"patch_{height}x{width}s{seed}"], atol=2e-5)
    assert patches.places.tolist() == RECORDED[f"place_{height}x{width}s{seed}"].tolist()


def test_places() -> None:
    """Where they fall by the rounding of float32 alone, too."""
    for row in RECORDED["places"]:
        expected = row[row >= 0]
        assert _places(1, len(expected)).tolist() == expected.tolist()
        assert _places(len(expected), 1).tolist() == (expected.astype(int) * 10).tolist()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_official(musiq: Loaded, size: tuple[int, int, int]) -> None:
    at = SIZES.index(size)
    network = musiq.model.network
    with torch.inference_mode():
        patches = cut(picture(*size), official=True)
        tokens = network._tokens(patches.pixels.flatten(0, 1))[None]
        token = network.transformer_encoder(tokens, patches.places, patches.scales)[0]
    np.testing.assert_allclose(token, RECORDED["class_token"][at], rtol=1e-4, atol=3e-5)
    assert float(musiq(picture(*size))) == near(RECORDED["official_koniq"][at])


def test_pyiqa(tmp_path: Path) -> None:
    path = save(converted(), tmp_path / "any.pth", wrappers=("params",))
    musiq = iqabench.load("ugc.musiq[preprocess=pyiqa]", weights=path)
    path.unlink()
    for at in (0, 2, 3, 4):
        assert float(musiq(picture(*SIZES[at]))) == near(RECORDED["pyiqa_koniq"][at])


def test_ratings(tmp_path: Path) -> None:
    """Of ten classes, the score is the expected one."""
    path = save(converted(classes=10), tmp_path / "any.pth")
    for preprocess in ("official", "pyiqa"):
        musiq = iqabench.load("ugc.musiq[weights=ava]", weights=path, preprocess=preprocess)
        assert float(musiq(picture(*SIZES[0]))) == near(RECORDED[f"{preprocess}_ava"][0])
    path.unlink()


def test_official_manifest() -> None:
    with torch.device("meta"):
        network = MusiqNetwork(classes=1, approximate="tanh")
    assert manifest_of(network) == read_manifest(MANIFEST, "musiq_koniq_ckpt-e95806b9.pth")


def test_batches(musiq: Loaded) -> None:
    """A score does not depend on what else is in the batch."""
    images = torch.cat([picture(384, 512, 1)[..., 20 * i : 20 * i + 24, 6 * i : 6 * i + 384] for i in range(17)])
    alone = scores_in_any_batch(musiq, images, sizes=(5, 17))
    assert alone.std() > 1e-2
    with torch.inference_mode():  # all at once, as on a GPU
        torch.testing.assert_close(musiq.model._score(images), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dtype", "drift"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_stays_near(musiq: Loaded, npz: Path, dtype: str, drift: float) -> None:
    image = picture(256, 256, 0)
    half = float(iqabench.load("ugc.musiq", weights=npz, dtype=dtype)(image))
    assert 0 < abs(half - float(musiq(image))) < drift


def test_other_keys_are_refused(npz: Path, tmp_path: Path) -> None:
    with np.load(npz) as file:
        arrays = dict(file)
    key = "opt/target/Transformer/encoderblock_3/MlpBlock_3/Dense_0/kernel"
    for fault, changed in {
        "missing": {name: value for name, value in arrays.items() if name != key},
        "unexpected": {**arrays, f"{key}_extra": arrays[key][:1]},
        "reshaped": {**arrays, key: arrays[key].T},
    }.items():
        path = write(tmp_path / "other.npz", changed)
        with pytest.raises(KeysMismatch) as caught:
            iqabench.load("ugc.musiq", weights=path)
        (named,) = getattr(caught.value, fault)
        assert named.startswith(key)
        path.unlink()


def test_a_line_of_pixels_is_refused(musiq: Loaded) -> None:
    with pytest.raises(ImageError, match="long and thin"):
        musiq(torch.zeros(1, 3, 1, 800))
