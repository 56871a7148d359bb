"""Checkpoints as they come: one file, shards of either kind, older rows, a user's own in the place of the declared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from iqabench.errors import KeysMismatch, UnsafeWeights, UsageError, WeightsError, WeightsMissing
from iqabench.lmm.checkpoints import read_state
from iqabench.lmm.declaring import OWN
from iqabench.lmm.qwen2vl import build, load, rename
from iqabench.specs import ScorerSpec, WeightsFile
from iqabench.testing.checkpoints import read_manifest, save, save_shards
from iqabench.weights.cache import Cache
from iqabench.weights.resolve import resolve

HERE = Path(__file__).parent
SMALL = {"a.weight": torch.arange(4.0).view(2, 2), "b.bias": torch.arange(3.0), "c.count": torch.tensor(7)}


def sharded(folder: Path, state: Mapping[str, Tensor], kind: str, parts: int = 2) -> list[Path]:
    """The files that transformers writes: shards of one kind and their index."""
    stem = {"safetensors": "model", "bin": "pytorch_model"}[kind]
    return save_shards(state, folder, [f"{stem}-{part:05}-of-{parts:05}.{kind}" for part in range(1, parts + 1)])


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards_of_either_kind(tmp_path: Path, kind: str) -> None:
    """All files named, the shards alone, and the index alone with its shards beside it."""
    files = sharded(tmp_path, SMALL, kind)
    for given in (files, files[1:], files[:1]):
        found = read_state({path.name: path for path in given})
        assert found.keys() == SMALL.keys()
        assert all(torch.equal(found[key], SMALL[key]) for key in SMALL)


def test_a_dtype_is_for_what_floats(tmp_path: Path) -> None:
    path = save(SMALL, tmp_path / "model.safetensors")
    found = read_state({path.name: path}, torch.bfloat16)
    assert found["a.weight"].dtype == torch.bfloat16
    assert found["c.count"].dtype == torch.int64


def test_frequencies_of_older_files_are_left_out(tmp_path: Path) -> None:
    older = {**SMALL, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    path = save(older, tmp_path / "pytorch_model.bin")
    assert read_state({path.name: path}).keys() == SMALL.keys()


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = sharded(tmp_path, SMALL, "safetensors")
    files[2].unlink()
    with pytest.raises(WeightsMissing, match=r"model-00002-of-00002\.safetensors, which model\.safetensors\.index"):
        read_state({path.name: path for path in files[:2]})


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    with pytest.raises(WeightsError, match="no checkpoint among"):
        read_state({"config.json": config})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text("{}")
    with pytest.raises(WeightsError, match="not an index"):
        read_state({index.name: index})
    one, two = (save(SMALL, tmp_path / f"model-{part}.safetensors") for part in "12")
    with pytest.raises(WeightsError, match="another file"):
        read_state({one.name: one, two.name: two})
    trap = tmp_path / "pytorch_model.bin"
    torch.save({"a": Path("x")}, trap)
    with pytest.raises(UnsafeWeights):
        read_state({trap.name: trap})


def test_keys_are_compared_strictly(folder: Path, state: Mapping[str, Tensor], context: Any) -> None:
    files = {path.name: path for path in folder.iterdir()}
    shorter = dict(list(state.items())[:-1])
    files["model.safetensors"] = save(shorter, folder / "shorter.safetensors")
    with pytest.raises(KeysMismatch, match=r"lm_head\.weight"):
        load(context(files))


def test_the_official_checkpoint_fits_key_for_key() -> None:
    """The full-size network on the meta device, from a configuration as flat as the one on the hub."""
    official = read_manifest(HERE / "qwen2vl_manifest.json")
    network = build(OFFICIAL)
    own = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert {rename(key): shape for key, (shape, _) in official.items()} == own
    assert sum(value.numel() for value in network.parameters()) == 8291375616
    text = network.config.text_config
    assert (text.rms_norm_eps, text.rope_parameters["mrope_section"]) == (1e-6, [16, 24, 24])
    assert all(value.device.type == "meta" for value in network.parameters())
    assert all(value.device.type == "cpu" for value in network.buffers())
    assert {value.dtype for value in network.parameters()} == {torch.float32}  # not yet the loader's


OFFICIAL = {
    "architectures": ["Qwen2VLForConditionalGeneration"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_token_id": 151654,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "hidden_act": "silu",
    "hidden_size": 3584,
    "initializer_range": 0.02,
    "intermediate_size": 18944,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "model_type": "qwen2_vl",
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vision_config": {
        "depth": 32,
        "embed_dim": 1280,
        "mlp_ratio": 4,
        "num_heads": 16,
        "in_chans": 3,
        "hidden_size": 3584,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    },
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vocab_size": 152064,
}


@pytest.fixture
def spec(tmp_path: Path) -> ScorerSpec:
    """A declaration of two shards, with files that lie on this machine."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    index, *parts = sharded(shelf, SMALL, "safetensors")
    (shelf / "config.json").write_text("{}")
    (shelf / "tokenizer.json").write_text("{}")
    names = ["config.json", "tokenizer.json", index.name, *(path.name for path in parts)]
    return ScorerSpec(
        id="ugc.lmm",
        summary="A model",
        load="m:load",
        licence="MIT",
        weights=tuple(WeightsFile(name=name, sources=(f"file://{shelf / name}",), licence="MIT") for name in names),
        own=OWN,
    )


def found(spec: ScorerSpec, overrides: Any, tmp_path: Path) -> dict[str, Path]:
    return resolve(spec, {}, Cache(tmp_path / "cache"), overrides=overrides, pull=False)


def test_without_own_files_the_declared_ones_are_used(spec: ScorerSpec, tmp_path: Path) -> None:
    files = found(spec, None, tmp_path)
    assert list(files) == [file.name for file in spec.weights]
    assert read_state(files).keys() == SMALL.keys()


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_folder_with_a_checkpoint_in_other_shards(spec: ScorerSpec, tmp_path: Path, kind: str) -> None:
    """It stands in for all declared shards; what it lacks besides, as the tokenizer, is the official one."""
    own = tmp_path / "tuned"
    own.mkdir()
    tuned = {key: value + 1 for key, value in SMALL.items()}
    parts = sharded(own, tuned, kind, parts=3)
    (own / "config.json").write_text("{}")
    (own / "training_args.bin").write_bytes(b"no checkpoint")
    (own / "optimizer.pt").write_bytes(b"no checkpoint")
    files = found(spec, own, tmp_path)
    assert set(files) == {"config.json", "tokenizer.json", *(path.name for path in parts)}
    assert files["config.json"].parent == own
    assert files["tokenizer.json"].parent == tmp_path / "shelf"
    assert torch.equal(read_state(files)["a.weight"], tuned["a.weight"])


def test_a_folder_holding_both_kinds_gives_safetensors(spec: ScorerSpec, tmp_path: Path) -> None:
    own = tmp_path / "both"
    own.mkdir()
    sharded(own, SMALL, "bin")
    save(SMALL, own / "model.safetensors")
    files = found(spec, own, tmp_path)
    assert set(files) == {"config.json", "tokenizer.json", "model.safetensors"}


def test_half_a_folder_is_never_filled_up_with_official_shards(spec: ScorerSpec, tmp_path: Path) -> None:
    own = tmp_path / "half"
    own.mkdir()
    *_, dropped = sharded(own, SMALL, "safetensors")
    dropped.unlink()
    files = found(spec, own, tmp_path)
    assert dropped.name not in files
    with pytest.raises(WeightsMissing, match=dropped.name):
        read_state(files)


def test_a_mapping_may_name_files_indexes_and_folders(spec: ScorerSpec, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    index, *parts = sharded(own, SMALL, "bin")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    for name in OWN.beside[:2]:
        (adapter / name).write_text("{}")
    rest = {"config.json", "tokenizer.json"}
    assert set(found(spec, {index.name: index}, tmp_path)) == {*rest, index.name, *(path.name for path in parts)}
    assert set(found(spec, index, tmp_path)) == {*rest, index.name, *(path.name for path in parts)}
    assert set(found(spec, {"base": own, "tuned": adapter}, tmp_path)) == {
        *rest, index.name, *(path.name for path in parts), *OWN.beside[:2]
    }  # fmt: skip
    more = tmp_path / "more"
    more.mkdir()
    index, *parts = sharded(more, SMALL, "safetensors", 3)  # of the declared name
    assert set(found(spec, index, tmp_path)) == {*rest, index.name, *(path.name for path in parts)}
    one = save(SMALL, tmp_path / "model.safetensors")
    assert set(found(spec, one, tmp_path)) == {*rest, one.name}


def test_an_adapter_comes_on_top_of_the_declared_files(spec: ScorerSpec, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    for name in OWN.beside[:2]:
        (adapter / name).write_text("{}")
    assert set(found(spec, adapter, tmp_path)) == {*(file.name for file in spec.weights), *OWN.beside[:2]}


def test_one_declared_file_alone_may_be_given(spec: ScorerSpec, tmp_path: Path) -> None:
    tokenizer = tmp_path / "other.json"
    tokenizer.write_text("{}")
    files = found(spec, {"tokenizer.json": tokenizer}, tmp_path)
    assert set(files) == {file.name for file in spec.weights}
    assert files["tokenizer.json"] == tokenizer


def test_what_fits_nothing_is_refused(spec: ScorerSpec, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="holds none of the files"):
        found(spec, empty, tmp_path)
    with pytest.raises(UsageError, match=r"no weights file named 'weights\.pth'"):
        found(spec, {"weights.pth": "x.pth"}, tmp_path)
    with pytest.raises(WeightsMissing, match="is not a file"):
        found(spec, {"config.json": tmp_path / "none.json"}, tmp_path)
