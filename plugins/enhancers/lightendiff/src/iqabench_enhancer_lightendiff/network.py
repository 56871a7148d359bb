"""LightenDiffusion (Jiang et al., "LightenDiffusion: Unsupervised Low-Light Image Enhancement with Latent-Retinex
Diffusion Models", ECCV 2024; https://github.com/JianghaiSCU/LightenDiffusion).

An encoder takes the image to a latent of an eighth of its size. A diffusion model, shown that latent, makes the
latent of the well-lit image out of noise, and a decoder makes the image of it, with features of the dark one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from iqabench.compat.libraries import library_class
from iqabench_enhancer_lightendiff.config import Config
from iqabench_enhancer_lightendiff.reconstruction import ReconNet
from iqabench_enhancer_lightendiff.retinex import Retinex
from iqabench_enhancer_lightendiff.unet import create_unet

STRIDE = 8
"""Pixels of the image to one of the latent."""


class Decomposition(nn.Module):
    """The content-transfer decomposition network (CTDN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ReconNet = ReconNet(channels)
        self.retinex = Retinex(channels)


class LightenDiffusion(nn.Module):
    """Dark images (N, 3, H, W) in [0, 1], H and W multiples of 64, and normal noise (N, 3, H/8, W/8) -> enhanced
    images (N, 3, H, W), nominally in [0, 1], not clamped."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.Unet = create_unet(config)
        self.decom = Decomposition(config.channels)

    def forward(self, images: Tensor, noise: Tensor, steps: int = 20) -> Tensor:
        latents, pyramid = self.encode(images)
        return self.decode(self.sample(latents, noise, steps), pyramid)

    def encode(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """The latents (N, 3, H/8, W/8) in (0, 1), and the features that ``decode`` wants."""
        encoder: ReconNet = self.decom.ReconNet
        return encoder.encode(images)

    def predict_noise(self, latents: Tensor, noisy: Tensor, timestep: int) -> Tensor:
        """The noise in ``noisy``, of the dark image's ``latents`` in (0, 1)."""
        inputs = torch.cat((2 * latents - 1, noisy), dim=1)
        noise: Tensor = self.Unet(inputs, timestep, return_dict=False)[0]
        return noise

    def sample(self, latents: Tensor, noise: Tensor, steps: int = 20) -> Tensor:
        """The latents of the well-lit images, nominally in [-1, 1], not clamped."""
        return denoise(lambda noisy, t: self.predict_noise(latents, noisy, t), noise, steps, self.config)

    def decode(self, sampled: Tensor, pyramid: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The images of what ``sample`` made."""
        decoder: ReconNet = self.decom.ReconNet
        return decoder.decode(((sampled + 1) / 2).clamp(0, 1), pyramid)


def denoise(predict: Callable[[Tensor, int], Tensor], noise: Tensor, steps: int, config: Config) -> Tensor:
    """Deterministic DDIM (Song et al., 2021, eq. 12 with sigma 0) from ``noise``, in float32.

    The steps are evenly spaced from time 0 on, as in the official code; at 20 of 1000 they are 950, 900, ..., 0.
    """
    scheduler = library_class("diffusers", "DDIMScheduler")(
        num_train_timesteps=config.timesteps,
        trained_betas=np.linspace(config.beta_start, config.beta_end, config.timesteps),
        clip_sample=False,
        timestep_spacing="leading",
    )
    scheduler.set_timesteps(steps)
    noisy = noise
    for timestep in scheduler.timesteps.tolist():
        noisy = scheduler.step(predict(noisy, timestep).float(), timestep, noisy).prev_sample
    return noisy
