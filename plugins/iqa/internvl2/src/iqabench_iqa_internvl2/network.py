"""InternVL2 of OpenGVLab's layout in transformers' InternVL: Chen et al., arXiv:2404.16821;
https://github.com/OpenGVLab/InternVL.

The official checkpoint fuses queries, keys and values: those of the image's tower lie one after the other, those of
the language model in groups, as many queries as share a key, then the key, then the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from iqabench.compat.libraries import import_library
from iqabench.errors import KeysMismatch, WeightsError
from iqabench.lmm.checkpoints import build_empty

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {"q_proj": 0, "k_proj": 1, "v_proj": 2}
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^vision_model\.embeddings\.class_embedding$", "model.vision_tower.embeddings.cls_token"),
        (r"^vision_model\.embeddings\.position_embedding$", "model.vision_tower.embeddings.position_embeddings"),
        (r"^vision_model\.embeddings\.patch_embedding\.", "model.vision_tower.embeddings.patch_embeddings.projection."),
        (r"^vision_model\.encoder\.layers\.(\d+)\.", r"model.vision_tower.encoder.layer.\1."),
        (r"(vision_tower.*)\.ls([12])$", r"\1.lambda_\2"),
        (r"(vision_tower.*)\.norm1\.", r"\1.layernorm_before."),
        (r"(vision_tower.*)\.norm2\.", r"\1.layernorm_after."),
        (r"(vision_tower.*)\.attn\.proj\.", r"\1.attention.projection_layer."),
        (r"^mlp1\.0\.", "model.multi_modal_projector.layer_norm."),
        (r"^mlp1\.1\.", "model.multi_modal_projector.linear_1."),
        (r"^mlp1\.3\.", "model.multi_modal_projector.linear_2."),
        (r"^language_model\.output\.", "lm_head."),
        (r"^language_model\.model\.tok_embeddings\.", "model.language_model.embed_tokens."),
        (r"^language_model\.model\.", "model.language_model."),
        (r"(language_model.*)\.attention\.wo\.", r"\1.self_attn.o_proj."),
        (r"(language_model.*)\.feed_forward\.w1\.", r"\1.mlp.gate_proj."),
        (r"(language_model.*)\.feed_forward\.w3\.", r"\1.mlp.up_proj."),
        (r"(language_model.*)\.feed_forward\.w2\.", r"\1.mlp.down_proj."),
        (r"(language_model.*)\.attention_norm\.", r"\1.input_layernorm."),
        (r"(language_model.*)\.ffn_norm\.", r"\1.post_attention_layernorm."),
    )
)


def build(config: Mapping[str, Any]) -> Any:
    """The network of an official ``config.json``, its parameters on the meta device. Raises WeightsError."""
    transformers: Any = import_library("transformers")
    try:
        vision, language = config["vision_config"], config["llm_config"]
        _require(config.get("ps_version", "v2") == "v2", "another pixel shuffle than v2")
        _require(config.get("select_layer", -1) == -1, "features of another layer than the last")
        _require(not language.get("bias", False), "a language model with biases")
        settings = transformers.InternVLConfig(
            vision_config=transformers.InternVLVisionConfig(
                **_taken(vision, "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
                **_taken(vision, "image_size", "patch_size", "layer_norm_eps", "hidden_act", "norm_type"),
                attention_bias=vision["qkv_bias"],
                use_qk_norm=vision["qk_normalization"],
            ),
            text_config=transformers.LlamaConfig(
                **_taken(language, "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"),
                **_taken(language, "num_attention_heads", "num_key_value_heads", "rms_norm_eps"),
                max_position_embeddings=language["max_position_embeddings"],
                # Its dynamic scaling acts beyond max_position_embeddings only, and no prompt is that long.
                rope_parameters={"rope_type": "default", "rope_theta": float(language["rope_theta"])},
                tie_word_embeddings=False,
            ),
            downsample_ratio=config.get("downsample_ratio", 0.5),
            tie_word_embeddings=False,
        )
    except WeightsError:
        raise
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"The config.json is not one of InternVL2: {type(error).__name__}: {why}") from error
    return build_empty(lambda: transformers.InternVLForConditionalGeneration(settings))


def convert(state: Mapping[str, Tensor], config: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """An official state under the names and in the matrices of transformers. Raises KeysMismatch."""
    language = config["llm_config"]
    heads, groups = language["num_attention_heads"], language["num_key_value_heads"]
    width = language["hidden_size"] // heads
    converted: dict[str, Tensor] = {}
    for key, value in state.items():
        name = key
        for pattern, replacement in _RULES:
            name = pattern.sub(replacement, name)
        if ".attn.qkv." in name:
            found = _thirds(name, value)
        elif ".attention.wqkv." in name:
            found = _groups(name, value, groups, heads // groups, width)
        else:
            found = {name: value}
        if not found:
            raise KeysMismatch(where, reshaped=[key])
        if twice := found.keys() & converted.keys():
            raise KeysMismatch(where, unexpected=[key, *twice])
        converted |= found
    return converted


def _thirds(name: str, value: Tensor) -> dict[str, Tensor]:
    if value.shape[0] % 3:
        return {}
    parts = value.chunk(3)
    return {name.replace(".attn.qkv.", f".attention.{part}."): parts[at] for part, at in _PARTS.items()}


def _groups(name: str, value: Tensor, groups: int, queries: int, width: int) -> dict[str, Tensor]:
    if value.shape[0] != groups * (queries + 2) * width:
        return {}
    grouped = value.view(groups, queries + 2, width, *value.shape[1:])
    parts = (grouped[:, :queries], grouped[:, queries], grouped[:, queries + 1])
    return {
        name.replace(".attention.wqkv.", f".self_attn.{part}."): parts[at].reshape(-1, *value.shape[1:])
        for part, at in _PARTS.items()
    }


def _taken(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names}


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise WeightsError(f"The config.json asks for {what}, which InternVL2-8B does not have.")
