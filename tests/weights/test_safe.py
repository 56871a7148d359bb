"""Checkpoints are read, never run, and fit a network wholly or not at all."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from iqabench.errors import KeysMismatch, UnsafeWeights, WeightsError
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap

STATE = {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.tensor([1.0, -1.0])}


class Payload:
    """Touches a file when unpickled."""

    def __init__(self, mark) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def write(path, kind):
    match kind:
        case "safetensors":
            save_file(STATE, path)
        case "zip":
            torch.save(STATE, path)
        case "old":
            torch.save(STATE, path, _use_new_zipfile_serialization=False)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old"])
def test_the_format_is_told_from_the_content_not_the_name(tmp_path, kind):
    state = read_checkpoint(write(tmp_path / "net", kind))
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize("kind", ["zip", "old", "protocol 0", "protocol 2", "protocol 4"])
def test_a_payload_is_named_and_not_run(tmp_path, kind):
    mark, path = tmp_path / "ran", tmp_path / "evil.pth"
    evil = {"weight": torch.zeros(2), "more": Payload(mark)}
    if kind.startswith("protocol"):
        path.write_bytes(pickle.dumps({"more": Payload(mark)}, protocol=int(kind[-1])))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(UnsafeWeights, match=r"system when loaded") as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Payload(mark)))  # the payload does work when it is run
    assert mark.exists()


def test_a_whole_pickled_network_is_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "net.pth")
    with pytest.raises(UnsafeWeights, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(tmp_path / "net.pth")


def test_a_class_is_allowed_only_where_asked(tmp_path):
    torch.save({"args": argparse.Namespace(depth=4), "state": STATE}, tmp_path / "net.pth")
    with pytest.raises(UnsafeWeights, match=r"argparse\.Namespace"):
        read_checkpoint(tmp_path / "net.pth")
    assert read_checkpoint(tmp_path / "net.pth", allow=[argparse.Namespace])["args"].depth == 4
    with pytest.raises(UnsafeWeights):
        read_checkpoint(tmp_path / "net.pth")


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old"])
@pytest.mark.parametrize("keep", [0, 7, 60, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path, kind, keep):
    path = write(tmp_path / "net.pth", kind)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"<html>404</html>", b"PK\x03\x04junk", b"\x00" * 100, bytes(range(256)) * 9])
@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_garbage_is_named(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        read_checkpoint(tmp_path / name)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_checkpoint(tmp_path / "none.pth")


def test_shards_are_joined_by_index_or_by_list(tmp_path):
    save_file({"0.weight": STATE["0.weight"]}, tmp_path / "model-1.safetensors")
    torch.save({"0.bias": STATE["0.bias"]}, tmp_path / "model-2.bin")
    weight_map = {"0.weight": "model-1.safetensors", "0.bias": "model-2.bin"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    for state in (
        read_checkpoint(index),
        read_checkpoint([tmp_path / "model-2.bin", tmp_path / "model-1.safetensors"]),
    ):
        assert state.keys() == STATE.keys()
    with pytest.raises(WeightsError, match="an earlier shard"):
        read_checkpoint([tmp_path / "model-2.bin"] * 2)
    (tmp_path / "model-2.bin").unlink()
    with pytest.raises(WeightsError, match=r"model-2\.bin"):
        read_checkpoint(index)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": {"a": "../x.bin"}}', '{"weight_map": {"a": 1}}'])
def test_an_index_that_is_none_or_leaves_its_folder_is_refused(tmp_path, text):
    (tmp_path / "i.json").write_text(text)
    with pytest.raises(WeightsError, match=r"i\.json"):
        read_checkpoint(tmp_path / "i.json")


def test_the_state_is_found_inside_its_wrapping():
    assert unwrap({"params": {"x": torch.ones(1)}, "params_ema": STATE}, "params_ema", "params").keys() == STATE.keys()
    assert unwrap(STATE, "state_dict").keys() == STATE.keys()
    with pytest.raises(WeightsError, match="it holds: epoch, model"):
        unwrap({"epoch": 1, "model": STATE}, "state_dict")
    with pytest.raises(WeightsError, match="it holds: list"):
        unwrap([1])


def test_a_prefix_is_taken_off_where_it_is():
    assert strip_prefix({"module.a": STATE["0.bias"], "b": STATE["0.bias"]}, "module.").keys() == {"a", "b"}
    with pytest.raises(WeightsError, match="become one"):
        strip_prefix({"module.a": STATE["0.bias"], "a": STATE["0.bias"]}, "module.")


def test_a_state_loads_if_it_fits_exactly():
    network = nn.Sequential(nn.Linear(3, 2))
    load_strictly(network, STATE, "net.pth")
    assert torch.equal(network[0].weight, STATE["0.weight"])
    with torch.device("meta"):
        hollow = nn.Sequential(nn.Linear(3, 2))
    load_strictly(hollow, STATE, "net.pth", assign=True)
    assert torch.equal(hollow[0].bias, STATE["0.bias"])


def test_keys_that_differ_are_named_and_nothing_is_loaded():
    network = nn.Sequential(nn.Linear(3, 2))
    before = network[0].weight.clone()
    state = {"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(3), "1.extra": torch.zeros(1)}
    with pytest.raises(KeysMismatch, match=r"net\.pth does not fit") as caught:
        load_strictly(network, state, "net.pth")
    assert (caught.value.missing, caught.value.unexpected, caught.value.reshaped) == ((), ("1.extra",), ("0.bias",))
    with pytest.raises(KeysMismatch) as caught:
        load_strictly(network, {"0.bias": STATE["0.bias"]}, "net.pth")
    assert caught.value.missing == ("0.weight",)
    assert torch.equal(network[0].weight, before)


def test_only_reading_a_checkpoint_needs_torch():
    modules = ("cache", "digests", "download", "fetch", "ncnn", "progress", "resolve", "sources", "transfer")
    code = "import sys\n" + "\n".join(f"import iqabench.weights.{name}" for name in modules)
    code += "\nimport iqabench.cli.weights"
    code += "\nheavy = {'torch', 'requests', 'huggingface_hub', 'filelock', 'pandas', 'rich'} & set(sys.modules)"
    code += "\nsys.exit(', '.join(sorted(heavy)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
