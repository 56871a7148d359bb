"""Against outputs of the official code, recorded with the same made weights and images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import iqabench
from iqabench.compat import pillow
from iqabench.loading import Loaded
from iqabench.ops.resize import imresize
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_enhancer_nerco.checkpoint import load_weights
from iqabench_enhancer_nerco.network import Config, NeRCo

MANIFEST = Path(__file__).with_name("manifest.json")
STATES = ("latest_net_G_A.pth", "latest_net_Pre.pth", "latest_net_H.pth")
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
CASES: list[tuple[int, int, int, int]] = [tuple(case) for case in RECORDED["cases"].tolist()]


def fitted(images: Tensor) -> Tensor:
    """As the official program resizes it: 90×121 becomes 88×120."""
    near = tuple(round(side / 4) * 4 for side in images.shape[-2:])
    return pillow.resize(images, (near[0], near[1]), pillow.BICUBIC)


def error(found: Tensor, expected: Tensor) -> float:
    """Relative, in L2, on every third row and column."""
    assert found[0, :, ::3, ::3].shape == expected.shape
    return float((found[0, :, ::3, ::3] - expected).norm() / expected.norm())


def write(folder: Path, seed: int) -> dict[str, Path]:
    return {
        name: save(generate(read_manifest(MANIFEST, name), seed, fill=recorded.fill), folder / name) for name in STATES
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    written = write(tmp_path_factory.mktemp("nerco"), seed=0)
    yield written
    for path in written.values():
        path.unlink()  # 93 MB


@pytest.fixture(scope="module")
def nerco(files: dict[str, Path]) -> Loaded:
    return iqabench.load("lle.nerco", weights=files)


@pytest.mark.parametrize("at", range(3), ids=map(str, CASES))
def test_stages(nerco: Loaded, at: int) -> None:
    """The features, the evenly degraded image, the mask and the result, as the networks give them."""
    network = nerco.model.network
    images = fitted(recorded.picture(*CASES[at][1:])) * 2 - 1
    with torch.inference_mode():
        features = network.normaliser.model(images).mean((-2, -1))[0]
        torch.testing.assert_close(features, RECORDED[f"feature_{at}"], rtol=1e-5, atol=1e-6)
        assert error(network.normaliser(images), RECORDED[f"pre_A_{at}"]) < 1e-5
        assert error(network.extractor(images), RECORDED[f"mask_{at}"]) < 1e-5
        assert error(network(images), RECORDED[f"fake_B_{at}"]) < 1e-5


@pytest.mark.parametrize("at", range(3), ids=map(str, CASES))
def test_result(nerco: Loaded, at: int) -> None:
    """What the official program would save: it cuts off where the harness rounds."""
    made = nerco(fitted(recorded.picture(*CASES[at][1:])))
    assert error(made, (RECORDED[f"fake_B_{at}"] + 1) / 2) < 1e-5
    steps = (made * 255).int()[0, :, ::3, ::3].movedim(0, -1) - RECORDED[f"uint8_{at}"]
    assert steps.abs().max() <= 1
    assert (steps != 0).float().mean() < 0.01


def test_other_sizes_are_resized_and_back(nerco: Loaded, files: dict[str, Path]) -> None:
    """The official result of 90×121 is the recorded 88×120, which is resized to be compared with the input."""
    image = recorded.picture(90, 121, 1)
    made = nerco(image)
    assert made.shape == image.shape
    assert torch.equal(made, imresize(nerco(fitted(image)), size=(90, 121)).clamp(0, 1))
    mirrored = iqabench.load("lle.nerco[resize=false]", weights=files)
    wider = torch.nn.functional.pad(image, (0, 3, 0, 2), mode="reflect")
    assert torch.equal(mirrored(image), nerco(wider)[..., :90, :121])


def test_other_weights(tmp_path: Path) -> None:
    """A second set, of whose results mean and deviation were recorded."""
    files = write(tmp_path, seed=1)
    network = NeRCo(Config()).eval()
    load_weights(network, files)
    for path in files.values():
        path.unlink()
    for case, expected in zip(RECORDED["other_cases"].tolist(), RECORDED["other_statistics"].tolist(), strict=True):
        with torch.inference_mode():
            made = network(fitted(recorded.picture(*case[1:])) * 2 - 1).double()
        assert [float(made.mean()), float(made.std(correction=0))] == pytest.approx(expected, abs=2e-6)


def test_official_layout() -> None:
    with torch.device("meta"):
        network = NeRCo(Config())
    parts = (network.generator, network.normaliser, network.extractor)
    for name, part in zip(STATES, parts, strict=True):
        assert manifest_of(part) == read_manifest(MANIFEST, name)


def test_half_precision_stays_near(nerco: Loaded, files: dict[str, Path]) -> None:
    image = recorded.picture(64, 96, 0)
    half = iqabench.load("lle.nerco", weights=files, dtype="bfloat16")(image)
    assert 0 < (half - nerco(image)).abs().mean() < 0.03


@pytest.mark.gpu
def test_cuda(nerco: Loaded, files: dict[str, Path]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    image = recorded.picture(64, 96, 0)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        there = iqabench.load("lle.nerco", weights=files, device="cuda")(image).cpu()
    assert float((there - nerco(image)).norm() / there.norm()) < 1e-4
