"""Test images and made-up checkpoints: the same everywhere, and fit for what they are used for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from iqabench.errors import UsageError
from iqabench.testing import checkpoints, images
from iqabench.weights.safe import read_checkpoint

MANIFEST = {
    "conv.weight": ((8, 3, 3, 3), "float32"),
    "norm.weight": ((8,), "float32"),
    "norm.running_var": ((8,), "float32"),
    "norm.num_batches_tracked": ((), "int64"),
    "head.weight": ((2, 8), "float16"),
    "head.bias": ((2,), "float16"),
}


def test_dead_leaves_are_the_same_bytes_everywhere() -> None:
    made = images.dead_leaves(48, 64, seed=5)
    assert made.shape == (48, 64, 3)
    assert hashlib.sha256(made.tobytes()).hexdigest()[:16] == "4ce528219e6dee57"


def test_dead_leaves_have_the_spectrum_of_photos() -> None:
    """Power falls with frequency about as 1/f², which white noise and gradients do not."""
    grey = np.mean([images.dead_leaves(256, 256, seed) for seed in range(4)], axis=-1)
    power = np.abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    bands = [(frequency >= low) & (frequency < 2 * low) for low in (1 / 64, 1 / 32, 1 / 16, 1 / 8)]
    levels = [np.log2(power.mean(0)[band].mean()) for band in bands]
    slope = np.polyfit(range(4), levels, 1)[0]
    assert -3 < slope < -1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 17)])
def test_images_of_any_size_are_made(size: tuple[int, int]) -> None:
    made = images.natural(2, *size)
    assert made.shape == (2, 3, *size)
    assert not torch.equal(made[0], made[1])


def test_photos_are_bundled() -> None:
    photos = images.photos()
    assert 6 <= len(photos) <= 10
    for photo in photos:
        assert photo.shape[:2] == (1, 3)
        assert photo.std() > 0.05


def test_photos_smaller_than_the_square_are_mirrored_out() -> None:
    (photo,) = images.photos(1, side=700)
    assert photo.shape == (1, 3, 700, 700)


def test_ladders_grow_worse() -> None:
    clean = images.natural(1, 64, 64)
    for ladder in (images.noise_ladder(clean), images.blur_ladder(clean)):
        errors = [float((image - clean).square().mean()) for image in ladder]
        assert errors[0] == 0
        assert errors == sorted(set(errors))
        assert all(image.min() >= 0 and image.max() <= 1 for image in ladder)


def test_noise_is_as_strong_as_said() -> None:
    grey = torch.full((1, 3, 128, 128), 0.5)
    assert float((images.with_noise(grey, 20) - grey).std() * 255) == pytest.approx(20, rel=0.02)


def test_a_made_checkpoint_is_the_same_everywhere() -> None:
    state = checkpoints.generate(MANIFEST)
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in state.values())).hexdigest()[:16]
    assert digest == "9b3f58d26392f445"
    other = checkpoints.generate(MANIFEST, seed=1)
    assert not torch.equal(state["conv.weight"], other["conv.weight"])


def test_a_made_checkpoint_has_the_manifests_shapes_and_sane_values() -> None:
    state = checkpoints.generate(MANIFEST)
    assert {key: (tuple(value.shape), str(value.dtype)[6:]) for key, value in state.items()} == MANIFEST
    assert state["norm.running_var"].min() > 0.4
    assert state["norm.num_batches_tracked"] == 0
    assert float(state["conv.weight"].var()) == pytest.approx(2 / 27, rel=0.3)


def test_activations_keep_their_size_through_many_layers() -> None:
    layers = [torch.nn.Conv2d(16, 16, 3, padding=1) if i % 2 == 0 else torch.nn.ReLU() for i in range(40)]
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 1), *layers)
    network.load_state_dict(checkpoints.generate(checkpoints.manifest_of(network)))
    with torch.inference_mode():
        assert 0.01 < float(network(images.natural(1, 32, 32)).std()) < 100


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_saved_checkpoint_is_read_back(tmp_path: Path, name: str) -> None:
    state = checkpoints.generate(MANIFEST)
    wrappers = ("model", "params") if name.endswith(".pth") else ()
    path = checkpoints.save(state, tmp_path / name, wrappers=wrappers, prefix="module.")
    read = read_checkpoint(path)
    for wrapper in wrappers:
        read = read[wrapper]
    assert {f"module.{key}" for key in state} == set(read)
    assert all(torch.equal(read[f"module.{key}"], value) for key, value in state.items())


def test_safetensors_cannot_be_wrapped(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tensors only"):
        checkpoints.save({}, tmp_path / "w.safetensors", wrappers=("state_dict",))


def test_another_recipe_can_fill(tmp_path: Path) -> None:
    filled = checkpoints.generate(MANIFEST, fill=lambda key, shape, dtype, seed: np.full(shape, 3))
    assert filled["head.weight"].dtype == torch.float16
    assert filled["head.weight"].eq(3).all()
    with pytest.raises(UsageError, match=r"conv\.weight was filled with shape"):
        checkpoints.generate(MANIFEST, fill=lambda key, shape, dtype, seed: np.zeros(2))


def test_a_manifest_is_read_from_json(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"net.pth": {"a": [[2, 3], "float32"]}}')
    assert checkpoints.read_manifest(tmp_path / "manifest.json", "net.pth") == {"a": ((2, 3), "float32")}
    with pytest.raises(UsageError, match=r"It has: net\.pth"):
        checkpoints.read_manifest(tmp_path / "manifest.json", "other")
