"""The two files: SDXL's, and SUPIR's with the control network, the adapters and the second encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from iqabench.diffusion import ldm
from iqabench.diffusion.architecture import TextConfig, make_text_tower
from iqabench.diffusion.folder import own_keys
from iqabench.diffusion.prompts import END, tokenise
from iqabench.weights.safe import read_checkpoint, unwrap
from iqabench_enhancer_supir.network import Autoencoder, Denoiser

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench_enhancer_supir.config import Config

ADAPTERS = f"{ldm.UNET}project_modules."
CONTROL = "model.control_model."
ROBUST = f"{ldm.VAE}denoise_"
CLIP = f"{ldm.SDXL_TEXT[0]}transformer."
OPEN_CLIP = f"{ldm.SDXL_TEXT[1]}model."

SDXL_PARTS = (ldm.UNET, ldm.VAE, CLIP, OPEN_CLIP)
SUPIR_PARTS = (CONTROL, ADAPTERS, ROBUST)


def read_state(path: Path, parts: tuple[str, ...]) -> dict[str, Tensor]:
    """The content of a file, perhaps wrapped, that holds networks under ``parts``. Raises KeysMismatch."""
    state = unwrap(read_checkpoint(path), "state_dict")
    ldm.check_parts(state, parts, path)
    return state


def fill_denoiser(
    denoiser: Denoiser, base: dict[str, Tensor], own: dict[str, Tensor], paths: tuple[Path, Path], **where: Any
) -> None:
    """``paths`` are those of SDXL's file and of SUPIR's."""
    ldm.fill(denoiser.unet, base, ldm.unet_sources, paths[0], prefix=ldm.UNET, **where)
    ldm.fill(denoiser.control, own, ldm.unet_sources, paths[1], prefix=CONTROL, **where)
    ldm.fill(denoiser.adapters, own, own_keys, paths[1], prefix=ADAPTERS, **where)


def fill_autoencoder(
    autoencoder: Autoencoder, base: dict[str, Tensor], own: dict[str, Tensor], paths: tuple[Path, Path], **where: Any
) -> None:
    ldm.fill(autoencoder.vae, base, ldm.vae_sources, paths[0], prefix=ldm.VAE, **where)
    ldm.fill(autoencoder.robust, own, ldm.vae_sources, paths[1], prefix=ROBUST, **where)


def load_text_towers(config: Config, base: dict[str, Tensor], path: Path) -> tuple[Any, Any]:
    """CLIP's text tower and OpenCLIP's, on the CPU in float32: each runs once."""
    clip, open_clip = (make_text_tower(TextConfig.read(each)) for each in (config.clip, config.open_clip))
    ldm.fill(clip, base, ldm.clip_sources, path, prefix=CLIP, ignored=ldm.CLIP_UNUSED)
    ldm.fill(open_clip, base, ldm.open_clip_sources, path, prefix=OPEN_CLIP, ignored=ldm.OPEN_CLIP_UNUSED)
    return clip, open_clip


def layout(config: Config, *, base: bool) -> dict[str, tuple[tuple[int, ...], str]]:
    """What SDXL's file holds, or SUPIR's: every key with shape and dtype, told from networks on the meta device."""
    denoiser, autoencoder = Denoiser(config), Autoencoder(config)
    if not base:
        shapes = {
            **ldm.official_keys(denoiser.control, ldm.unet_sources, CONTROL),
            **ldm.official_keys(denoiser.adapters, own_keys, ADAPTERS),
            **ldm.official_keys(autoencoder.robust, ldm.vae_sources, ROBUST),
        }
        return {key: (shape, "float32") for key, shape in shapes.items()}
    clip, open_clip = TextConfig.read(config.clip), TextConfig.read(config.open_clip)
    shapes = {
        **ldm.official_keys(denoiser.unet, ldm.unet_sources, ldm.UNET),
        **ldm.official_keys(autoencoder.vae, ldm.vae_sources, ldm.VAE),
        **ldm.official_keys(make_text_tower(clip), ldm.clip_sources, CLIP),
        **ldm.official_keys(make_text_tower(open_clip), ldm.open_clip_sources, OPEN_CLIP),
        f"{OPEN_CLIP}logit_scale": (),
    }
    positions = {f"{CLIP}text_model.embeddings.position_ids": ((1, clip.context_length), "int64")}
    return {**{key: (shape, "float32") for key, shape in shapes.items()}, **positions}


@torch.inference_mode()
def encode_prompts(towers: tuple[Any, Any], prompts: list[str]) -> tuple[Tensor, Tensor]:
    """Context (N, 77, D) from the last but one layer of both towers, and the second one's pooled embedding (N, E)."""
    clip, open_clip = towers
    first = clip(tokenise(prompts, pad=END)[0], output_hidden_states=True).hidden_states[-2]
    second = open_clip(tokenise(prompts)[0], output_hidden_states=True)
    return torch.cat((first, second.hidden_states[-2]), dim=-1), second.text_embeds
