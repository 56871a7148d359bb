"""The official regressors are TorchScript archives, which are read without being run."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from iqabench.errors import KeysMismatch, UnsafeWeights, WeightsError
from iqabench_iqa_arniqa.checkpoint import FEATURES, load_regressor
from iqabench_iqa_arniqa.torchscript import is_torchscript, read_torchscript

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


class Linear(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.float32, **more: Tensor) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(1, 2 * FEATURES, generator=generator, dtype=dtype))
        self.biases = nn.Parameter(torch.tensor(0.25, dtype=dtype))
        for name, value in more.items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(x, self.weights.t()) + self.biases


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Linear()

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.inner(x)
        return inner


def scripted(module: nn.Module, path: Path) -> Path:
    torch.jit.script(module).save(path)
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_archives_score_as_when_they_are_run(tmp_path: Path, dtype: torch.dtype) -> None:
    path = scripted(Linear(dtype), tmp_path / "regressor_live.pth")
    features = torch.randn(3, 2 * FEATURES, generator=torch.Generator().manual_seed(1))
    expected = torch.jit.load(path)(features.to(dtype))[:, 0]
    with torch.inference_mode():
        torch.testing.assert_close(load_regressor(path)(features), expected.float(), rtol=1e-4, atol=1e-4)


def test_what_is_read(tmp_path: Path) -> None:
    path = scripted(Nested(), tmp_path / "nested.pt")
    state = torch.jit.load(path).state_dict()
    read = read_torchscript(path)
    assert read.keys() == state.keys() == {"inner.weights", "inner.biases"}
    assert all(torch.equal(read[key], state[key]) for key in state)


def test_telling_archives_apart(tmp_path: Path) -> None:
    plain = tmp_path / "plain.pth"
    torch.save(Linear().state_dict(), plain)
    assert not is_torchscript(plain)
    assert is_torchscript(scripted(Linear(), tmp_path / "scripted.pth"))
    torch.testing.assert_close(load_regressor(plain).state_dict(), Linear().state_dict())


def test_other_archives_are_refused(tmp_path: Path) -> None:
    path = scripted(Linear(more=torch.zeros(2)), tmp_path / "more.pth")
    with pytest.raises(KeysMismatch, match="more"):
        load_regressor(path)
    with pytest.raises(KeysMismatch, match="weights"):
        load_regressor(scripted(nn.Linear(2, 1), tmp_path / "other.pth"))


class Payload:
    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.trap),)


def test_code_in_an_archive_does_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = tmp_path / "bad.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad/constants.pkl", b"")
        archive.writestr("bad/data.pkl", pickle.dumps(Payload(trap)))
    with pytest.raises(UnsafeWeights, match="mkdir"):
        load_regressor(path)
    assert not trap.exists()


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    whole = scripted(Linear(), tmp_path / "whole.pth").read_bytes()
    for fault in ("description", "tensor", "short"):
        path = tmp_path / f"{fault}.pth"
        with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                if fault == "description" and name.endswith("data.pkl"):
                    content = content[:40]
                if fault == "short" and name.endswith("data/0"):
                    content = content[:64]
                if fault != "tensor" or not name.endswith("data/0"):
                    target.writestr(name, content)
        with pytest.raises(WeightsError, match="damaged"):
            load_regressor(path)
