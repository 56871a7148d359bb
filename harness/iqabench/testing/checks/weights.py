"""Does the model load its own checkpoint, and nothing else?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from iqabench.errors import IqabenchError, KeysMismatch, WeightsError
from iqabench.weights.safe import read_checkpoint
from iqabench.weights.sources import PackageSource, parse

if TYPE_CHECKING:
    from iqabench.testing.subject import Subject

EXTRA = "_iqabench_extra"


class WeightsChecks:
    def test_weights_load(self, subject: Subject) -> None:
        """If this fails, the checkpoint and the network do not fit: compare ``manifest_of(network)`` with the
        official file's keys."""
        _need_weights(subject)
        assert callable(subject.load())

    def test_packaged_weights_exist(self, subject: Subject) -> None:
        """If this fails, a ``package://`` source names a distribution that is not installed, or no file of
        it: name the distribution among the package's dependencies."""
        rows = [
            (file.name, source)
            for file in subject.spec.weights
            for source in map(parse, file.sources)
            if isinstance(source, PackageSource)
        ]
        if not rows:
            pytest.skip("no weights inside packages")
        for name, source in rows:
            path = source.locate()
            assert path is not None, f"{name}: {source.distribution} is not installed"
            assert path.is_file(), f"{name}: {path} is not there"

    def test_other_keys_are_refused(self, subject: Subject, tmp_path: Path) -> None:
        """If this fails, load with ``iqabench.weights.safe.load_strictly``, never with ``strict=False``: a
        checkpoint of another model must not pass for this one."""
        tried = 0
        for name, path, checkpoint in _checkpoints(subject):
            for fault, state in _faults(max(_states(checkpoint), key=len)).items():
                changed = _write(_replaced(checkpoint, state), tmp_path / f"{fault}-{path.name}", like=path)
                with pytest.raises(KeysMismatch) as caught:
                    subject.load({**subject.weights, name: changed})
                if fault == "added":
                    named = caught.value.unexpected
                    assert any(key.endswith(EXTRA) for key in named), f"the added key is not named: {named}"
                else:
                    named = (*caught.value.missing, *caught.value.reshaped, *caught.value.unexpected)
                    assert named, f"with a key {fault}, the error names no key"
                tried += 1
        if not tried:
            pytest.skip("no checkpoint with named tensors")

    def test_damaged_files_are_refused(self, subject: Subject, tmp_path: Path) -> None:
        """If this fails, half a file was loaded as if it were whole: check the size while reading."""
        _need_weights(subject)
        for name, path in subject.weights.items():
            half = tmp_path / path.name
            half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            with pytest.raises(IqabenchError):
                subject.load({**subject.weights, name: half})

    def test_pickles_do_not_run(self, subject: Subject, tmp_path: Path) -> None:
        """If this fails, the loader unpickles without ``weights_only=True``, which runs whatever the file
        says: read it with ``iqabench.weights.safe.read_checkpoint``."""
        _need_weights(subject)
        torch_files = {name for name, _, _ in _checkpoints(subject)}
        for name, path in subject.weights.items():
            trap = tmp_path / f"{name}.trap"
            bad = tmp_path / path.name
            torch.save({"state_dict": _Payload(trap)}, bad)
            with pytest.raises(WeightsError if name in torch_files else IqabenchError):
                subject.load({**subject.weights, name: bad})
            assert not trap.exists(), f"{name}: the file's code was run"


class _Payload:
    """Pickled, it asks whoever loads it to make a folder."""

    def __init__(self, trap: Path) -> None:
        self.trap = str(trap)

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (self.trap,)


def _need_weights(subject: Subject) -> None:
    if not subject.weights:
        pytest.skip("needs no weights")


def _checkpoints(subject: Subject) -> Iterator[tuple[str, Path, Any]]:
    """(name, path, content) of the files that are checkpoints with tensors by name, not of a format apart."""
    _need_weights(subject)
    for name, path in subject.weights.items():
        try:
            checkpoint = read_checkpoint(path)
        except WeightsError:
            continue
        if any(_states(checkpoint)):
            yield name, path, checkpoint


def _states(checkpoint: Any) -> Iterator[dict[str, Tensor]]:
    """Every mapping from names to tensors inside a checkpoint."""
    if isinstance(checkpoint, Mapping):
        tensors = {key: value for key, value in checkpoint.items() if isinstance(value, Tensor)}
        if tensors:
            yield tensors
        for value in checkpoint.values():
            yield from _states(value)


def _faults(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The state with a key removed, one added, and one of another shape."""
    keys = [key for key, value in state.items() if value.ndim >= 2] or list(state)
    key = keys[len(keys) // 2]
    flat = state[key].reshape(1) if state[key].ndim == 0 else state[key]
    return {
        "removed": {name: value for name, value in state.items() if name != key},
        "added": {**state, f"{key}{EXTRA}": state[key].clone()},
        "reshaped": {**state, key: torch.cat([flat, flat[:1]])},
    }


def _replaced(checkpoint: Any, state: Mapping[str, Tensor]) -> Any:
    """The checkpoint with ``state`` in the place of its largest state."""
    if not isinstance(checkpoint, Mapping):
        return checkpoint
    largest = max(_states(checkpoint), key=len)
    own = {key: value for key, value in checkpoint.items() if isinstance(value, Tensor)}
    if own.keys() == largest.keys():
        return {**{key: value for key, value in checkpoint.items() if key not in own}, **state}
    return {
        key: _replaced(value, state) if any(found.keys() == largest.keys() for found in _states(value)) else value
        for key, value in checkpoint.items()
    }


def _write(checkpoint: Any, path: Path, *, like: Path) -> Path:
    with like.open("rb") as stream:
        head = stream.read(9)
    if head[8:9] == b"{":
        from safetensors.torch import save_file

        save_file(checkpoint, path)
    else:
        torch.save(checkpoint, path)
    return path
