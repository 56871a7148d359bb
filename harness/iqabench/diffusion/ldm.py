"""Official Stable Diffusion checkpoints, read into the networks of diffusers and transformers.

For each key that a network has, ``naming`` tells the official key that it comes from; so a checkpoint is held
against the network key for key, errors name official keys, and any configuration can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from iqabench.diffusion.naming import (
    CLIP_UNUSED,
    OPEN_CLIP_UNUSED,
    Naming,
    Source,
    clip_sources,
    open_clip_sources,
    open_clip_unused,
    unet_sources,
    vae_sources,
)
from iqabench.errors import KeysMismatch
from iqabench.weights.safe import require_keys

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "CLIP_UNUSED",
    "OPEN_CLIP_UNUSED",
    "SCHEDULE",
    "SDXL_TEXT",
    "TEXT",
    "UNET",
    "VAE",
    "Naming",
    "Source",
    "check_parts",
    "clip_sources",
    "fill",
    "official_keys",
    "open_clip_sources",
    "open_clip_unused",
    "unet_sources",
    "vae_sources",
]

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model."
SDXL_TEXT = ("conditioner.embedders.0.", "conditioner.embedders.1.")

SCHEDULE = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_*",
    "lvlb_weights",
    "logvar",
    "scale_factor",
    "model_ema.*",
    "denoiser.sigmas",
)
"""What official files hold besides the networks that are run: the training schedule, averaged weights."""


def fill(
    module: nn.Module,
    state: Mapping[str, Tensor],
    naming: Naming,
    where: str | Path,
    *,
    prefix: str = "",
    ignored: Sequence[str] = (),
    constants: Sequence[str] = (),
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> None:
    """Give ``module``, made on the meta device, the entries of ``state`` under ``prefix``, cast and moved.

    Each tensor is cast by itself, so no second copy of the network is ever held. ``ignored`` are patterns of
    official keys, without the prefix, that the network does not run; ``constants`` are patterns of the network's
    keys that must be there, but keep the values that it was made with, as tables of positions do. Entries under
    other prefixes are left to ``check_parts``. Raises KeysMismatch, with official keys, and then changes nothing.
    """
    own = module.state_dict()
    sources = naming(own)
    wanted = {prefix + source.key: source.shape(own[key].shape) for key, source in sources.items()}
    patterns = [prefix + pattern for pattern in ignored]
    part = {
        key: value
        for key, value in state.items()
        if key in wanted or (key.startswith(prefix) and not _fits(key, patterns))
    }
    require_keys(part, wanted, where)
    taken = {
        key: own[key] if _fits(key, constants) else source.take(state[prefix + source.key]).to(device, dtype)
        for key, source in sources.items()
    }
    module.load_state_dict(taken, strict=True, assign=True)
    module.requires_grad_(False).to(device)  # buffers that no checkpoint holds


def check_parts(
    state: Iterable[str], prefixes: Sequence[str], where: str | Path, *, ignored: Sequence[str] = SCHEDULE
) -> None:
    """Raise KeysMismatch where a checkpoint has keys under none of ``prefixes`` that ``ignored`` does not name."""
    unexpected = [key for key in state if not key.startswith(tuple(prefixes)) and not _fits(key, ignored)]
    if unexpected:
        raise KeysMismatch(str(where), unexpected=unexpected)


def official_keys(module: nn.Module, naming: Naming, prefix: str = "") -> dict[str, tuple[int, ...]]:
    """The official keys of a network and their shapes: what a checkpoint must hold for it."""
    own = module.state_dict()
    return {prefix + source.key: source.shape(own[key].shape) for key, source in naming(own).items()}


def _fits(key: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)
