"""Images a second of the classical scorers, side by side with pyiqa, piq, torchmetrics and scikit-image.

    pytest -o addopts="--import-mode=importlib" tests/benchmarks/test_scorers.py --benchmark-json=scorers.json
    python tests/benchmarks/ratios.py scorers.json

One pair of images a call, every library called as its users call it and with the same number of threads
(IQABENCH_BENCH_THREADS, 1 unless set). A group is a metric at a size; conventions that do other work (another
colour space, another size) stand beside, named. Peers that are not installed are skipped
(requirements-peers.txt). pyiqa's NIQE and BRISQUE run on made-up parameters of the right size: theirs are
downloads, and time does not depend on them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import iqabench
from iqabench.testing.images import natural, with_noise

Score = Callable[[torch.Tensor, torch.Tensor], object]
SIZES = {"512x384": (384, 512), "1024x768": (768, 1024)}
THREADS = int(os.environ.get("IQABENCH_BENCH_THREADS", "1"))


def ours(model: str, **params: str | bool) -> Callable[[Path], Score]:
    def make(_folder: Path) -> Score:
        loaded: Any = iqabench.load(model, **params)
        return loaded if loaded.spec.reference else lambda image, _: loaded(image)

    return make


def pyiqa(name: str) -> Callable[[Path], Score]:
    return lambda _folder: peer("pyiqa").create_metric(name, device="cpu")


def pyiqa_without_reference(name: str) -> Callable[[Path], Score]:
    def make(folder: Path) -> Score:
        options = {} if name == "piqe" else {"pretrained_model_path": made_up_parameters(name, folder)}
        metric = peer("pyiqa").create_metric(name, device="cpu", **options)
        return lambda image, _: metric(image)

    return make


def piq(name: str, **options: object) -> Callable[[Path], Score]:
    return lambda _folder: partial(getattr(peer("piq"), name), **options)


def torchmetrics(name: str, *, scale: float = 1, **options: object) -> Callable[[Path], Score]:
    def make(_folder: Path) -> Score:
        function = getattr(peer("torchmetrics.functional.image"), name)
        return lambda image, reference: function(image * scale, reference * scale, **options)

    return make


def skimage(name: str, *, bytes_: bool = False, **options: object) -> Callable[[Path], Score]:
    """On arrays (H, W, 3): float32, or the bytes of an image file."""

    def make(_folder: Path) -> Score:
        function = getattr(peer("skimage.metrics"), name)
        arrays: dict[int, np.ndarray] = {}

        def array(tensor: torch.Tensor) -> np.ndarray:  # laid out once: users of scikit-image hold arrays
            if id(tensor) not in arrays:
                pixels = tensor[0].permute(1, 2, 0).contiguous().numpy()
                arrays[id(tensor)] = (pixels * 255).round().astype(np.uint8) if bytes_ else pixels
            return arrays[id(tensor)]

        return lambda image, reference: function(
            array(reference), array(image), data_range=255 if bytes_ else 1, **options
        )

    return make


WANG = {"channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
CONTENDERS: dict[str, dict[str, Callable[[Path], Score]]] = {
    "psnr": {
        "iqabench": ours("fr.psnr"),
        "pyiqa": pyiqa("psnr"),
        "piq": piq("psnr"),
        "torchmetrics": torchmetrics("peak_signal_noise_ratio", data_range=1.0),
        "scikit-image": skimage("peak_signal_noise_ratio"),
        "scikit-image (bytes)": skimage("peak_signal_noise_ratio", bytes_=True),
    },
    "ssim": {
        "iqabench": ours("fr.ssim"),
        "iqabench (rgb)": ours("fr.ssim", channels="rgb"),
        "iqabench (rgb, downsampled)": ours("fr.ssim", channels="rgb", downsample=True),
        "pyiqa": pyiqa("ssim"),
        "piq (rgb, downsampled)": piq("ssim"),
        "piq (rgb)": piq("ssim", downsample=False),
        "torchmetrics (rgb)": torchmetrics("structural_similarity_index_measure", data_range=1.0),
        "scikit-image (rgb, 7x7)": skimage("structural_similarity", channel_axis=2),
        "scikit-image (rgb)": skimage("structural_similarity", **WANG),
    },
    "ms-ssim": {
        "iqabench": ours("fr.ms-ssim"),
        "iqabench (rgb)": ours("fr.ms-ssim", channels="rgb"),
        "pyiqa": pyiqa("ms_ssim"),
        "piq (rgb)": piq("multi_scale_ssim"),
        "torchmetrics (rgb)": torchmetrics("multiscale_structural_similarity_index_measure", data_range=1.0),
    },
    "fsim": {"iqabench": ours("fr.fsim"), "pyiqa": pyiqa("fsim"), "piq": piq("fsim")},
    "vif": {"iqabench": ours("fr.vif"), "pyiqa": pyiqa("vif")},
    "vifp": {
        "iqabench": ours("fr.vifp"),
        "piq": piq("vif_p"),
        "torchmetrics (rgb)": torchmetrics("visual_information_fidelity", scale=255),
    },
    "gmsd": {"iqabench": ours("fr.gmsd"), "pyiqa": pyiqa("gmsd"), "piq": piq("gmsd")},
    "niqe": {"iqabench": ours("nr.niqe"), "pyiqa": pyiqa_without_reference("niqe")},
    "brisque": {
        "iqabench": ours("nr.brisque"),
        "pyiqa": pyiqa_without_reference("brisque"),
    },
    "piqe": {"iqabench": ours("nr.piqe"), "pyiqa": pyiqa_without_reference("piqe")},
}


@pytest.fixture(autouse=True)
def _equal_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("metric", "contender"), [(metric, name) for metric, makers in CONTENDERS.items() for name in makers]
)
def test_images_a_second(benchmark: Any, tmp_path: Path, metric: str, contender: str, size: str) -> None:
    score = CONTENDERS[metric][contender](tmp_path)
    image, reference = pair(size)
    benchmark.group = f"{metric} {size}"
    benchmark.extra_info.update(metric=metric, size=size, contender=contender, threads=THREADS)
    with torch.inference_mode():
        benchmark(score, image, reference)


@cache
def pair(size: str) -> tuple[torch.Tensor, torch.Tensor]:
    reference = natural(1, *SIZES[size])
    return (with_noise(reference, 15) * 255).round() / 255, reference


@cache
def peer(name: str) -> Any:
    """The module, or a skip. torchvision's CUDA build beside a CPU torch lacks two schemas, and only they
    keep it from being imported."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    declare_torchvision_schemas()
    return importlib.import_module(name)


@cache
def declare_torchvision_schemas() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def made_up_parameters(name: str, folder: Path) -> str:
    random = np.random.default_rng(0)
    if name == "niqe":
        path = folder / "niqe.mat"
        parameters = {"mu_prisparam": random.standard_normal((1, 36)), "cov_prisparam": np.eye(36)}
        importlib.import_module("scipy.io").savemat(path, parameters)
    else:
        path = folder / "brisque.pt"
        torch.save((torch.rand(774), torch.rand(774, 36)), path)
    return str(path)
