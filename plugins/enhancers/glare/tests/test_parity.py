"""Against outputs of the official code, recorded with the same made weights and images.

A random flow, run backwards, divides by so much that it overflows: some of its weights were made milder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import iqabench
from iqabench.loading import Loaded
from iqabench.testing import recorded
from iqabench.testing.checkpoints import generate, manifest_of, read_manifest, save
from iqabench_enhancer_glare.checkpoint import TRAINING_ONLY
from iqabench_enhancer_glare.config import Config
from iqabench_enhancer_glare.model import mirrored
from iqabench_enhancer_glare.network import Codebook, Glare

MANIFEST = Path(__file__).with_name("manifest.json")
RECORDED = recorded.read_outputs(Path(__file__).with_name("recorded.npz"))
CASES: list[tuple[int, int, int, int]] = [tuple(case) for case in RECORDED["cases"].tolist()]


def mild(key: str, shape: Sequence[int], dtype: str = "float32", seed: int = 0) -> NDArray:
    values = recorded.fill(key, shape, dtype, seed)
    if not key.startswith("flowUpsamplerNet."):
        return values
    if key.endswith(".logs"):
        return np.float32(0.05) * values
    if key.endswith(".actnorm.bias") or (".affine." in key and key.endswith(".4.weight")):
        return np.float32(0.1) * values
    if key.endswith(".invconv.weight"):
        return np.eye(3, dtype=np.float32) + np.float32(0.1) * values
    if ".affine." in key and key.endswith(".4.bias"):
        return values + np.where(np.arange(len(values)) % 2, np.float32(3), np.float32(0))
    return values


def dark(images: Tensor) -> Tensor:
    return (mirrored(images)[0] + 1e-3).clamp(min=1e-3).log()


def error(found: Tensor, expected: Tensor) -> float:
    """Relative, in L2."""
    assert found.shape == expected.shape
    return float((found - expected).norm() / expected.norm())


def write(folder: Path, seed: int) -> Iterator[dict[str, Path]]:
    """Of the VQGAN's file, the part that is read."""
    manifests = {name: read_manifest(MANIFEST, name) for name in ("net_G.pth", "vqgan.pkl")}
    needed = {key: row for key, row in manifests["vqgan.pkl"].items() if not key.startswith(TRAINING_ONLY)}
    wanted = {"net_G.pth": manifests["net_G.pth"], "vqgan.pkl": needed}
    files = {name: save(generate(manifest, seed, fill=mild), folder / name) for name, manifest in wanted.items()}
    yield files
    for path in files.values():
        path.unlink()  # 430 MB


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    yield from write(tmp_path_factory.mktemp("glare"), seed=0)


@pytest.fixture(scope="module")
def glare(files: dict[str, Path]) -> Loaded:
    return iqabench.load("lle.glare", weights=files)


class Listener:
    """Keeps copies of what methods are given and give, for what is computed later may be written over it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.given: dict[str, list[Any]] = {}
        self.made: dict[str, list[Any]] = {}

    def listen(self, owner: object, method: str, name: str) -> None:
        plain = getattr(owner, method)

        def heard(*given: Any) -> Any:
            self.given.setdefault(name, []).append(deepcopy(given))
            made = plain(*given)
            self.made.setdefault(name, []).append(deepcopy(made))
            return made

        self.monkeypatch.setattr(owner, method, heard)


@pytest.mark.parametrize("at", range(3), ids=map(str, CASES))
def test_stages(glare: Loaded, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """From the encoder to the ratios by which the codes are weighed, and what the official program saves."""
    network, codebook = glare.model.network, glare.model.codebook
    heard = Listener(monkeypatch)
    heard.listen(network, "forward", "network")
    heard.listen(network.RRDB, "forward", "encoder")
    heard.listen(network.flowUpsamplerNet, "invert", "flow")
    heard.listen(codebook, "nearest", "nearest")
    heard.listen(codebook, "features", "codes")
    for warp in network.deformable_decoder.warp:
        heard.listen(warp, "forward", "warp")
    image = recorded.picture(*CASES[at][1:])
    result = glare(image)

    (start, condition, shallow), (codes,) = heard.made["encoder"][0], heard.made["codes"]
    assert error(start[0], RECORDED[f"color_map_{at}"]) < 1e-5
    assert error(heard.made["flow"][0][0], RECORDED[f"flow_{at}"]) < 1e-5
    assert torch.equal(heard.made["nearest"][0].flatten().short(), RECORDED[f"code_index_{at}"])
    for name, found in {
        "cond_feat": condition,
        "mid_feat0": shallow[0],
        "mid_feat1": shallow[1],
        "vq_feat0": codes[1],
        "vq_feat1": codes[0],
        "warp0": heard.made["warp"][0],
    }.items():
        assert error(found.mean((-2, -1))[0], RECORDED[f"{name}_mean_{at}"]) < 1e-5, name
    warps = zip(heard.given["warp"], heard.made["warp"], strict=True)
    ratios = torch.stack([mixed.mean() / warped.mean() for (_, mixed), warped in warps])
    torch.testing.assert_close(ratios, RECORDED[f"ratios_{at}"], rtol=1e-4, atol=0)
    assert error(heard.made["network"][0][0, :, ::2, ::2], RECORDED[f"out_{at}"]) < 1e-5
    # The official program cuts off where the harness rounds.
    assert result.shape == image.shape
    steps = (result * 255).int()[0, :, ::2, ::2].movedim(0, -1) - RECORDED[f"uint8_{at}"]
    assert steps.abs().max() <= 1
    assert (steps != 0).float().mean() < 0.001


@pytest.mark.slow
def test_other_weights(tmp_path: Path) -> None:
    """A second set, of which the mean and deviation of the flow's and the network's results were recorded."""
    for files in write(tmp_path, seed=1):
        glare = iqabench.load("lle.glare", weights=files).model
        for case, expected in zip(RECORDED["other_cases"].tolist(), RECORDED["other_statistics"].tolist(), strict=True):
            images = dark(recorded.picture(*case[1:]))
            with torch.inference_mode():
                latent = glare.network.flowUpsamplerNet.invert(*glare.network.RRDB(images)[:2]).double()
                made = glare.network(images, glare.codebook).double()
            found = [
                float(latent.mean()),
                float(latent.std(correction=0)),
                float(made.mean()),
                float(made.std(correction=0)),
            ]
            assert found == pytest.approx(expected, abs=1e-5)


def test_official_layout() -> None:
    with torch.device("meta"):
        network, codebook = Glare(Config()), Codebook(Config())
    assert manifest_of(network) == read_manifest(MANIFEST, "net_G.pth")
    official = read_manifest(MANIFEST, "vqgan.pkl")
    assert manifest_of(codebook) == {key: row for key, row in official.items() if not key.startswith(TRAINING_ONLY)}


def test_half_precision_stays_near(glare: Loaded, files: dict[str, Path]) -> None:
    image = recorded.picture(48, 64, 0)
    half = iqabench.load("lle.glare", weights=files, dtype="bfloat16")(image)
    assert 0 < (half - glare(image)).abs().mean() < 0.03


@pytest.mark.gpu
def test_cuda(glare: Loaded, files: dict[str, Path]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    image = recorded.picture(48, 64, 0)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        there = iqabench.load("lle.glare", weights=files, device="cuda")(image).cpu()
    assert error(there, glare(image)) < 1e-4
