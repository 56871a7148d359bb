"""Networks from the files of a diffusers folder (``unet``, ``vae``, ...), whose keys are the libraries' own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from iqabench.compat.libraries import library_class
from iqabench.diffusion.architecture import with_positions
from iqabench.diffusion.ldm import fill
from iqabench.diffusion.naming import CLIP_UNUSED, Source, clip_sources
from iqabench.weights.safe import read_checkpoint, unwrap

_OLD_ATTENTION = re.compile(r"(\.attentions\.\d+)\.(query|key|value|proj_attn)\.")
_NEW_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def make_network(name: str, config: Mapping[str, Any]) -> Any:
    """diffusers' class ``name`` from a folder's ``config.json``, on the meta device, in eval mode.

    The class takes what it knows of the configuration, which a control branch shares with its UNet.
    """
    kind = library_class("diffusers", name)
    known = signature(kind.__init__).parameters
    with torch.device("meta"):
        return kind(**{key: value for key, value in config.items() if key in known}).eval().requires_grad_(False)


def make_text_tower(config: Mapping[str, Any]) -> Any:
    """transformers' ``CLIPTextModel`` from a folder's ``config.json``, on the meta device, in eval mode."""
    with torch.device("meta"):
        tower = library_class("transformers", "CLIPTextModel")(
            library_class("transformers", "CLIPTextConfig")(**config)
        )
    return with_positions(tower).eval().requires_grad_(False)


def own_keys(keys: Iterable[str]) -> dict[str, Source]:
    """Of a network whose file has the same keys."""
    return {key: Source(key) for key in keys}


def read_vae_state(path: Path) -> dict[str, torch.Tensor]:
    """A VAE's file, the names of its attention as they are since diffusers 0.13: old files have older ones."""

    def renamed(key: str) -> str:
        return _OLD_ATTENTION.sub(lambda found: f"{found[1]}.{_NEW_ATTENTION[found[2]]}.", key)

    return {renamed(key): value for key, value in unwrap(read_checkpoint(path)).items()}


def load_text_tower(
    config: Mapping[str, Any], path: Path, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Any:
    """``make_text_tower``, filled from the folder's file."""
    tower = make_text_tower(config)
    state = unwrap(read_checkpoint(path))
    fill(tower, state, clip_sources, path, ignored=CLIP_UNUSED, dtype=dtype, device=device)
    return tower
