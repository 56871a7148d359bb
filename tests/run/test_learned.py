"""From the command line to correlations, with the learned scorers on checkpoints in their official layouts.

The weights are made up, so that nothing is learned from the numbers; a server on this machine gives them out as a
mirror of the official sources does. Variants are chosen of which no digest is published: others must be refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torch import Tensor

import iqabench
from iqabench.images import read_image, to_pixels, to_tensor
from iqabench.patterns import select
from iqabench.plugins import discover
from iqabench.testing.checkpoints import generate, read_manifest, save
from iqabench.testing.images import natural, with_noise
from iqabench.weights.cache import cache_path

PLUGINS = Path(__file__).parents[2] / "plugins/iqa"
NOISE = (0.0, 4.0, 8.0, 16.0, 32.0, 64.0)


def wrapped(state: Mapping[str, Tensor], path: Path) -> None:
    save(state, path, wrappers=("params",))


def bare(state: Mapping[str, Tensor], path: Path) -> None:
    save(state, path)


def arrays(state: Mapping[str, Tensor], path: Path) -> None:
    np.savez(path, **{key: value.numpy() for key, value in state.items()})


@dataclass(frozen=True)
class Learned:
    """A selection, the package that declares it, the part of its tests' manifest that describes its file, how that
    file is written, and the user's own files beside it: names, and where they lie under the package."""

    selection: str
    manifest: tuple[str, ...] = ()
    write: Callable[[Mapping[str, Tensor], Path], None] = wrapped
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.selection.partition("[")[0]

    @property
    def folder(self) -> Path:
        return PLUGINS / self.id.partition(".")[2]

    def state(self) -> dict[str, Tensor]:
        return generate(read_manifest(self.folder / "tests/manifest.json", *self.manifest))


QUICK = (
    Learned("ugc.topiq[weights=spaq]", ("cfanet_nr_koniq_res50-9a73138b.pth",)),
    Learned("ugc.musiq", ("koniq_ckpt.npz",), arrays),
    Learned("ugc.dbcnn[weights=livec]"),
    Learned("ugc.maniqa[weights=kadid,crops=2]", ("reduced",), bare, {"config.json": "tests/reduced.json"}),
)
REST = (
    Learned("ugc.hyperiqa[weights=koniq-pyiqa,crops=2]", ("HyperIQA-resnet50-koniq10k-c96c41b1.pth",)),
    Learned("fr.topiq", ("cfanet_fr_kadid_res50-2c4cc61d.pth",)),
    Learned("ugc.nima", ("NIMA_InceptionV2_ava-b0c77c00.pth",)),
    Learned("ugc.liqe[weights=koniq]", (), lambda state, path: save(
        state, path, wrappers=("params",), prefix="clip_model.")),
)  # fmt: skip


@pytest.fixture
def photos(lab) -> list[Path]:
    """Six, ever noisier, as ``photos.csv`` tells, with the clean one as their reference."""
    (lab.root / "photos").mkdir()
    clean = natural(1, 224, 240)
    rows, paths = ["image,reference,mos"], []
    for index, sigma in enumerate(NOISE):
        path = lab.root / f"photos/{index}.png"
        Image.fromarray(to_pixels(with_noise(clean, sigma)[0] if sigma else clean[0])).save(path)
        rows.append(f"photos/{index}.png,photos/0.png,{5 - 0.7 * index:.1f}")
        paths.append(path)
    (lab.root / "photos.csv").write_text("\n".join(rows) + "\n")
    return paths


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """The address of a server of the files in ``folder``."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def publish(models: tuple[Learned, ...], folder: Path) -> list[Path]:
    """Write every model's checkpoint where a mirror has it: each path under its place in the cache."""
    specs = discover().specs
    published = []
    for model in models:
        (selection,) = select([model.selection], specs)
        (file,) = (f for f in selection.spec.needed_weights(selection.params) if f.name not in model.own)
        assert file.sha256 is None, f"{file.name} has a published digest, which made weights do not have"
        path = folder / str(cache_path(file))
        path.parent.mkdir(parents=True, exist_ok=True)
        model.write(model.state(), path)
        published.append(path)
    return published


def pull_and_run(lab, photos: list[Path], models: tuple[Learned, ...]) -> None:
    selections = [model.selection for model in models]
    own = [f"{m.id}:{name}={m.folder / at}" for m in models for name, at in m.own.items()]
    published = publish(models, lab.root / "mirror")
    lab.environment["IQABENCH_CACHE"] = str(lab.root / "cache")
    with mirror(lab.root / "mirror") as address:
        lab.environment["IQABENCH_MIRROR"] = address
        pulled = lab.command("weights", "pull", *selections)
        assert pulled.returncode == 0, pulled.stderr
        assert lab.command("weights", "verify", *selections).returncode == 0
        # One flipped bit is found, and mended by another pull.
        cached = lab.root / "cache/weights" / published[0].relative_to(lab.root / "mirror")
        flip_a_bit(cached)
        damaged = lab.command("weights", "verify", *selections)
        assert damaged.returncode != 0
        assert cached.name in damaged.stdout + damaged.stderr
        assert lab.command("weights", "pull", *selections).returncode == 0
        assert cached.read_bytes() == published[0].read_bytes()
    for path in published:
        path.unlink()

    command = ("run", "--dataset", "csv:photos.csv", "--iqa", ",".join(selections), "--offline")
    command += (*(f"--weights={given}" for given in own), "--out", "out")
    ran = lab.command(*command)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = lab.rows("out")
    assert len(rows) == len(models) * len(photos)
    assert {row["status"] for row in rows} == {"done"}
    again = lab.command(*command)
    assert again.returncode == 0
    assert lab.rows("out") == rows

    shown = lab.command("show", "out", "--metric", "srcc", "--resamples", "0", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    found = {row["scorer"]: row["value"] for row in json.loads(shown.stdout)}
    assert set(found) == set(selections)
    for scorer, value in found.items():
        pairs = [(float(row["score"]), float(row["mos"])) for row in rows if row["scorer"] == scorer]
        assert value == pytest.approx(float(spearmanr(*zip(*pairs, strict=True)).statistic))

    scores = {row["item"]: float(row["score"]) for row in rows if row["scorer"] == selections[0]}
    alone = iqabench.load(selections[0], weights=cached)
    with torch.inference_mode():
        expected = [float(alone(to_tensor(read_image(path)))) for path in photos]
    assert [scores[item] for item in sorted(scores)] == pytest.approx(expected, rel=1e-5)
    for path in (lab.root / "cache/weights").rglob("*.*"):
        if path.is_file() and path.stat().st_size > 1e6:
            path.unlink()


def flip_a_bit(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        byte = stream.read(1)[0]
        stream.seek(-1, 1)
        stream.write(bytes([byte ^ 1]))


def test_weights_are_pulled_and_verified_and_photos_scored(lab, photos) -> None:
    pull_and_run(lab, photos, QUICK)


@pytest.mark.slow
def test_the_larger_ones_too(lab, photos) -> None:
    pull_and_run(lab, photos, (QUICK[0], *REST))


def test_other_weights_than_the_published_ones_are_refused(lab) -> None:
    """A mirror that gives out another file than the one whose size and digest are declared."""
    (selection,) = select(["nr.clipiqa"], discover().specs)
    (file,) = selection.spec.needed_weights(selection.params)
    path = lab.root / "mirror" / str(cache_path(file))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    lab.environment["IQABENCH_CACHE"] = str(lab.root / "cache")
    with mirror(lab.root / "mirror") as address:
        lab.environment.update(IQABENCH_MIRROR=address, HF_ENDPOINT=address)
        pulled = lab.command("weights", "pull", "nr.clipiqa")
    assert pulled.returncode != 0
    assert f"it has 14 bytes where {file.size} are declared" in " ".join(pulled.stderr.split())
    assert not (lab.root / "cache/weights" / str(cache_path(file))).exists()
