"""LoRA adapters (Hu et al., arXiv:2106.09685), merged into a checkpoint's weights by peft before they are used.

They are merged under the checkpoint's own names, so that an adapter fits whatever the network's modules are
called in memory; a fused matrix that is split afterwards may have one too. Names that other versions of
transformers gave to the modules are mapped by the model's own rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from iqabench.compat.libraries import import_library
from iqabench.errors import KeysMismatch, WeightsError, WeightsMissing
from iqabench.lmm.checkpoints import Rename
from iqabench.weights.config import read_json
from iqabench.weights.safe import read_checkpoint, unwrap

if TYPE_CHECKING:
    from torch import Tensor

CONFIG = "adapter_config.json"
FILES = ("adapter_model.safetensors", "adapter_model.bin")
REST = "non_lora_trainables.bin"
_WRAPPER = "base_model.model."


def merge_adapter(state: dict[str, Tensor], weights: Mapping[str, Path], rename: Rename = str) -> dict[str, Tensor]:
    """``state``, with the adapter among ``weights`` merged into it if there is one.

    ``rename`` maps an adapter's name of a module or parameter (``model.layers.0.self_attn.q_proj.weight``) to the
    checkpoint's. Weights trained without LoRA, in ``non_lora_trainables.bin``, replace the checkpoint's.
    Raises WeightsMissing for half an adapter, KeysMismatch where it fits another network.
    """
    merged = dict(state)
    if REST in weights:
        for key, value in unwrap(read_checkpoint(weights[REST])).items():
            name = rename(key.removeprefix(_WRAPPER))
            if name not in merged or merged[name].shape != value.shape:
                raise KeysMismatch(str(weights[REST]), unexpected=[key])
            merged[name] = value.to(merged[name].dtype)
    file = next((name for name in FILES if name in weights), None)
    if (file is None) != (CONFIG not in weights):
        lacking = CONFIG if file else FILES[0]
        raise WeightsMissing(f"The adapter has no {lacking}.", hint="Give the whole folder that peft saved.")
    if file is None:
        return merged
    return _merge(merged, unwrap(read_checkpoint(weights[file])), weights[CONFIG], str(weights[file]), rename)


def _merge(
    state: dict[str, Tensor], adapter: dict[str, Tensor], config: Path, where: str, rename: Rename
) -> dict[str, Tensor]:
    peft: Any = import_library("peft")
    plain = read_json(config)
    if plain.get("peft_type") != "LORA":
        raise WeightsError(f"{config} is of a {plain.get('peft_type')} adapter; only LORA is known.")
    modules = sorted({_module_of(key) for key in adapter})
    strange = [name for name in modules if rename(f"{name}.weight") not in state]
    if strange:
        raise KeysMismatch(where, unexpected=[key for key in adapter if _module_of(key) in strange])
    skeleton = _skeleton(state, modules, rename)
    known = set(peft.LoraConfig.__dataclass_fields__)
    options = {key: value for key, value in plain.items() if key in known}
    # Patterns of an older version may fit more modules than the adapter has weights for; these are exact.
    saved = options.get("modules_to_save") or []
    whole = [name for name in modules if name.rpartition(".")[2] in saved]
    options |= {
        "target_modules": [name for name in modules if name not in whole],
        "modules_to_save": whole or None,
        "exclude_modules": None,
        "layers_to_transform": None,
        "layers_pattern": None,
        "task_type": None,
        "inference_mode": True,
    }
    wrapped = peft.PeftModel(skeleton, peft.LoraConfig(**options))
    try:
        fitted = peft.set_peft_model_state_dict(wrapped, adapter)
    except RuntimeError as error:  # of another rank than the configuration says, or of another network's width
        raise KeysMismatch(where, reshaped=[key for key in adapter if _module_of(key) in str(error)]) from error
    lacking = [key for key in fitted.missing_keys if "lora_" in key or "modules_to_save" in key]
    if fitted.unexpected_keys or lacking:
        raise KeysMismatch(where, missing=lacking, unexpected=fitted.unexpected_keys)
    result = wrapped.merge_and_unload()
    for name, value in result.state_dict().items():
        state[rename(name)] = value.detach()
    return state


def _module_of(key: str) -> str:
    """``base_model.model.a.q_proj.lora_A.weight`` -> ``a.q_proj``."""
    name = key.removeprefix(_WRAPPER)
    for mark in (".lora_", ".modules_to_save", ".weight", ".bias", ".base_layer"):
        name = name.partition(mark)[0]
    return name


def _skeleton(state: Mapping[str, Tensor], modules: list[str], rename: Rename) -> nn.Module:
    """Modules of the adapter's names that hold the checkpoint's weights, and nothing between them."""
    root = nn.Module()
    for name in modules:
        *way, last = name.split(".")
        at = root
        for step in way:
            if not hasattr(at, step):
                at.add_module(step, nn.Module())
            at = getattr(at, step)
        at.add_module(last, _holder(state, name, rename))
    return root


def _holder(state: Mapping[str, Tensor], name: str, rename: Rename) -> nn.Module:
    weight = state[rename(f"{name}.weight")].clone()  # peft adds in place, and this may be a mapped file
    bias = state.get(rename(f"{name}.bias"))
    module: nn.Module
    if name.rpartition(".")[2] in ("embed_tokens", "tok_embeddings"):
        module = nn.Embedding(weight.shape[0], weight.shape[1], device="meta")
    else:
        module = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    own = {"weight": weight} | ({} if bias is None else {"bias": bias})
    module.load_state_dict(own, assign=True)
    return module.requires_grad_(False)
