"""Images a second of the learned scorers beside pyiqa's, the same network with the same made-up weights.

    pytest -o addopts="--import-mode=importlib" tests/benchmarks/test_learned_scorers.py --benchmark-json=learned.json
    python tests/benchmarks/ratios.py learned.json

Both are called by turns in one process with the same number of threads (IQABENCH_BENCH_THREADS, 1 unless set), on
images of IQABENCH_BENCH_SIZE (height and width, 384x512 unless set), and
each is timed by the processor seconds of its best round, which a busy machine disturbs least. Ours is called through
``iqabench.load``, in the convention that is pyiqa's where there are several, so that both do the same work; that they
give the same scores is checked. pyiqa is built as its users build it, except that nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

import iqabench
from iqabench.compat.torchvision import import_beside_torchvision
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.images import natural, with_noise
from iqabench.types import ParamValue

PLUGINS = Path(__file__).parents[2] / "plugins/iqa"
THREADS = int(os.environ.get("IQABENCH_BENCH_THREADS", "1"))
ROUNDS = int(os.environ.get("IQABENCH_BENCH_ROUNDS", "3"))
SIZE = tuple(int(side) for side in os.environ.get("IQABENCH_BENCH_SIZE", "384x512").split("x"))
State = dict[str, Tensor]
Build = Callable[[State], nn.Module]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """``manifest`` is the path under plugins/iqa/<package>/tests, then the names within; ``file`` the weights file
    that gets the state, under ``wrappers``; ``build`` makes pyiqa's module of it."""

    package: str
    build: Build
    file: str
    manifest: tuple[str, ...] = ()
    wrappers: tuple[str, ...] = ("params",)
    model: str = ""
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    reference: bool = False
    tolerance: float = 1e-3

    def state(self) -> State:
        return generate(read_manifest(PLUGINS / self.package / "tests/manifest.json", *self.manifest))


def arch(module: str) -> Any:
    return importlib.import_module(f"pyiqa.archs.{module}_arch")


def built(module: str, name: str, **options: Any) -> Build:
    """The class ``name`` of pyiqa with these options, filled strictly."""

    def build(state: State) -> nn.Module:
        network: nn.Module = getattr(arch(module), name)(**options)
        network.load_state_dict(state)
        return network

    return build


def built_arniqa(state: State) -> nn.Module:
    """With pyiqa's own linear regressor in place of the TorchScript file."""
    regressor = nn.Linear(4096, 1)
    given = arniqa_regressor()
    regressor.load_state_dict({"weight": given["weights"].view(1, -1), "bias": given["biases"].view(1)})
    module = arch("arniqa")
    with (
        mock.patch.object(module.torch.hub, "load_state_dict_from_url", return_value=state),
        mock.patch.object(module, "load_file_from_url", return_value=""),
        mock.patch.object(module.torch.jit, "load", return_value=regressor),
    ):
        network: nn.Module = module.ARNIQA("koniq")
    return network


def arniqa_regressor() -> State:
    return generate(read_manifest(PLUGINS / "arniqa/tests/manifest.json", "regressor"))


def built_clip(module: str, name: str, **options: Any) -> Build:
    """A metric around OpenAI's CLIP, whose state is its own."""

    def build(state: State) -> nn.Module:
        clip = importlib.import_module("pyiqa.archs.clip_model").build_model(dict(state)).float()
        with mock.patch.object(arch(module), "load", return_value=clip):
            network: nn.Module = getattr(arch(module), name)(**options)
        return network

    return build


def built_hyperiqa(state: State) -> nn.Module:
    network: nn.Module = arch("hypernet").HyperNet(pretrained=False)
    network.load_state_dict(state)
    return network


CFANET = {"semantic_model_name": "resnet50", "backbone_pretrain": False, "pretrained": False}
HYPERIQA = "HyperIQA-resnet50-koniq10k-c96c41b1.pth"
RIVALS = {
    "topiq": Rival(
        package="topiq",
        file="cfanet_nr_koniq_res50-9a73138b.pth",
        manifest=("cfanet_nr_koniq_res50-9a73138b.pth",),
        build=built("topiq", "CFANet", **CFANET, use_ref=False),
    ),
    "fr.topiq": Rival(
        package="topiq",
        model="fr.topiq",
        file="cfanet_fr_kadid_res50-2c4cc61d.pth",
        manifest=("cfanet_fr_kadid_res50-2c4cc61d.pth",),
        build=built("topiq", "CFANet", **CFANET, use_ref=True),
        reference=True,
    ),
    "arniqa": Rival(
        package="arniqa",
        file="ARNIQA.pth",
        manifest=("ARNIQA.pth",),
        wrappers=(),
        params={"weights": "koniq10k", "preprocess": "pyiqa"},
        build=built_arniqa,
    ),
    "hyperiqa": Rival(
        package="hyperiqa",
        file=HYPERIQA,
        manifest=(HYPERIQA,),
        params={"weights": "koniq-pyiqa", "preprocess": "pyiqa"},
        build=built_hyperiqa,
    ),
    "liqe": Rival(
        package="liqe",
        file="liqe_koniq.pt",
        params={"weights": "koniq", "preprocess": "pyiqa"},
        build=built_clip("liqe", "LIQE", pretrained=False),
    ),
    "clipiqa": Rival(
        package="clipiqa",
        model="nr.clipiqa",
        file="open_clip_model.safetensors",
        wrappers=(),
        params={"prompts": "pyiqa"},
        build=built_clip("clipiqa", "CLIPIQA", pretrained=False),
    ),
    "musiq": Rival(
        package="musiq",
        file="koniq_ckpt.npz",
        manifest=("musiq_koniq_ckpt-e95806b9.pth",),
        params={"preprocess": "pyiqa"},
        build=built("musiq", "MUSIQ", pretrained=False),
    ),
    "maniqa (2 crops)": Rival(
        package="maniqa",
        file="ckpt_koniq10k.pt",
        manifest=("ckpt_koniq10k.pt",),
        wrappers=(),
        params={"preprocess": "pyiqa", "crops": 2},
        build=built("maniqa", "MANIQA", pretrained=False, scale=0.8, test_sample=2),
        tolerance=0.05,  # its attention across channels magnifies the last bits
    ),
    "dbcnn": Rival(
        package="dbcnn",
        file="DBCNN_KonIQ10k-2de81c0a.pth",
        build=built("dbcnn", "DBCNN", pretrained=False),
    ),
    "nima": Rival(
        package="nima",
        file="NIMA_InceptionV2_ava-b0c77c00.pth",
        manifest=("NIMA_InceptionV2_ava-b0c77c00.pth",),
        build=built("nima", "NIMA", base_model_name="inception_resnet_v2", num_classes=10, pretrained=False),
    ),
}


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", RIVALS)
def test_beside_pyiqa(benchmark: Any, tmp_path: Path, name: str, batch: int) -> None:
    rival = RIVALS[name]
    images = torch.cat([with_noise(natural(1, SIZE[0], SIZE[1]), 5.0 + 5 * index) for index in range(batch)])
    given = (images, natural(1, SIZE[0], SIZE[1]).expand_as(images)) if rival.reference else (images,)
    ours, theirs = contenders(rival, tmp_path)
    seconds: dict[str, list[float]] = {"iqabench": [], "pyiqa": []}

    def by_turns() -> None:
        for contender, score in (("iqabench", ours), ("pyiqa", theirs)):
            started = time.process_time()
            score(*given)
            seconds[contender].append(time.process_time() - started)

    with torch.inference_mode():
        torch.testing.assert_close(ours(*given).flatten(), theirs(*given).flatten(), rtol=rival.tolerance, atol=1e-3)
        benchmark.pedantic(by_turns, rounds=ROUNDS)
    found = {contender: batch / min(times) for contender, times in seconds.items()}
    benchmark.group = f"{name}, batches of {batch}"
    size = f"{SIZE[1]}x{SIZE[0]}, batches of {batch}"
    benchmark.extra_info.update(metric=name, size=size, threads=THREADS, images_a_second=found)
    print(f"\n{name} x{batch}: " + ", ".join(f"{key} {rate:.3g}/s" for key, rate in found.items()), end="")
    print(f", ratio {found['iqabench'] / found['pyiqa']:.2f}")


def contenders(rival: Rival, folder: Path) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    state = rival.state()
    with no_downloads(folder):
        theirs = rival.build(state).eval()
    path = save(state, folder / rival.file, wrappers=rival.wrappers)
    del state
    files = {rival.file: path}
    if rival.package == "arniqa":
        files["regressor_koniq10k.pth"] = save(arniqa_regressor(), folder / "regressor_koniq10k.pth")
    elif rival.package == "liqe":
        path.unlink()
        save({f"clip_model.{k}": v for k, v in rival.state().items()}, path, wrappers=("params",))
    params = ",".join(f"{key}={value}" for key, value in rival.params.items())
    ours: Any = iqabench.load(f"{rival.model or 'ugc.' + rival.package}[{params}]", weights=files)
    for file in files.values():
        file.unlink()
    return ours, theirs


@contextlib.contextmanager
def no_downloads(folder: Path) -> Iterator[None]:
    """pyiqa's classes fetch weights for their backbones too, which are then overwritten by the checkpoint's."""
    try:
        import_beside_torchvision("pyiqa")
    except ImportError as error:
        pytest.skip(f"pyiqa does not import: {error}")
    timm, models = importlib.import_module("timm"), importlib.import_module("torchvision.models")
    create = timm.create_model
    with (
        mock.patch.object(timm, "create_model", lambda name, pretrained=False, **options: create(name, **options)),
        mock.patch.object(models, "vgg16", return_value=models.vgg16()),
        mock.patch.object(models, "resnet50", return_value=models.resnet50()),
        mock.patch.object(arch("dbcnn"), "load_pretrained_network", return_value=None),
        mock.patch.object(arch("liqe"), "DEFAULT_CACHE_DIR", str(folder)),
    ):
        yield


@pytest.fixture(autouse=True)
def _equal_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)
