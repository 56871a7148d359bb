"""The second stage: Stable Diffusion 2.1, led by the first stage's image through IRControlNet.

Lin et al., "DiffBIR: Towards Blind Image Restoration with Generative Diffusion Prior", ECCV 2024, section 3.3;
https://github.com/XPixelGroup/DiffBIR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from iqabench.diffusion import ldm
from iqabench.diffusion.architecture import (
    TextConfig,
    UNetConfig,
    VaeConfig,
    make_text_tower,
    make_unet,
    make_vae,
)
from iqabench.diffusion.encoder import UNetEncoder, feature_widths
from iqabench.weights.safe import read_checkpoint, strip_prefix, unwrap

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench_enhancer_diffbir.config import Config


class IRControlNet(UNetEncoder):
    """A copy of the UNet's encoder that reads the condition's latents beside the noisy ones."""

    def __init__(self, config: UNetConfig, hint_channels: int) -> None:
        super().__init__(replace(config, in_channels=config.in_channels + hint_channels))
        with torch.device("meta"):
            *skips, middle = (nn.Conv2d(w, w, 1) for w in feature_widths(config.channels, config.num_res_blocks))
        self.controlnet_down_blocks = nn.ModuleList(skips)
        self.controlnet_mid_block = middle

    def residuals(self, latents: Tensor, condition: Tensor, timesteps: Tensor, context: Tensor) -> list[Tensor]:
        """What is added to each skip of the UNet, first to last, and to its middle block."""
        *skips, middle = self(torch.cat((latents, condition), dim=1), timesteps, context)
        made = [project(skip) for project, skip in zip(self.controlnet_down_blocks, skips, strict=True)]
        return [*made, self.controlnet_mid_block(middle)]


class Denoiser(nn.Module):
    """The UNet with IRControlNet: ε or v, as the version has it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        control = dict(config.controlnet_cfg)
        hint_channels = int(control.pop("hint_channels"))
        self.unet = make_unet(UNetConfig.read(config.unet_cfg))
        self.control = IRControlNet(UNetConfig.read(control), hint_channels).eval()

    def forward(
        self, latents: Tensor, condition: Tensor, timesteps: Tensor, context: Tensor, strength: float = 1.0
    ) -> Tensor:
        """Noisy latents and those of the condition, (N, 4, H, W), at times (N,), with context (N, L, D)."""
        *skips, middle = (each * strength for each in self.control.residuals(latents, condition, timesteps, context))
        made: Tensor = self.unet(
            latents,
            timesteps,
            encoder_hidden_states=context,
            down_block_additional_residuals=tuple(skips),
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return made


def read_state(path: Path) -> dict[str, Tensor]:
    """An official checkpoint of this family: perhaps wrapped, perhaps of a network trained on several devices."""
    state = unwrap(read_checkpoint(path), "state_dict")
    return strip_prefix(state, "module.") if next(iter(state)).startswith("module.") else state


def load_denoiser(config: Config, base: Mapping[str, Tensor], paths: tuple[Path, Path], **where: Any) -> Denoiser:
    """The UNet from ``base``, which is the content of the first of ``paths``, and the control from the second."""
    denoiser = Denoiser(config)
    ldm.fill(denoiser.unet, base, ldm.unet_sources, paths[0], prefix=ldm.UNET, **where)
    ldm.fill(denoiser.control, read_state(paths[1]), ldm.unet_sources, paths[1], **where)
    return denoiser.eval()


def load_vae(config: Config, base: Mapping[str, Tensor], path: Path, **where: Any) -> Any:
    vae = make_vae(VaeConfig.read(config.vae_cfg))
    ldm.fill(vae, base, ldm.vae_sources, path, prefix=ldm.VAE, **where)
    return vae


def load_text_tower(config: Config, base: Mapping[str, Tensor], path: Path, **where: Any) -> Any:
    """OpenCLIP's text tower, of which the last block is not run, and the final norm is."""
    text = TextConfig.read_open_clip(config.clip_cfg)
    tower = make_text_tower(text)
    unused = ldm.open_clip_unused(text.layers, projected=False)
    ldm.fill(tower, base, ldm.open_clip_sources, path, prefix=f"{ldm.TEXT}model.", ignored=unused, **where)
    return tower
