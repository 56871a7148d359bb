"""QuadPrior (Wang et al., "Zero-Reference Low-Light Enhancement via Physical Quadruple Priors", CVPR 2024;
https://github.com/daooshee/QuadPrior).

The prior of an image, which tells what light does not change, controls Stable Diffusion 1.5 into making the latents
of a well-lit image; an autoencoder with a bypass turns them into pixels that keep the detail of the dark one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from iqabench.diffusion.architecture import make_unet
from iqabench.diffusion.schedules import alphas_cumprod, scaled_linear_betas
from iqabench_enhancer_quadprior.bypass import BypassAutoencoder
from iqabench_enhancer_quadprior.config import Config
from iqabench_enhancer_quadprior.control import ControlNet
from iqabench_enhancer_quadprior.prior import PhysicalPrior
from iqabench_enhancer_quadprior.solver import Schedule, rounded, solve

STRIDE = 8
"""Pixels of the image to one of the latents."""
SCALE = 0.18215
"""The latents' deviation is brought to 1 by it."""


class QuadPrior(nn.Module):
    """Images (N, 3, H, W) in [0, 1], H and W multiples of 64, and normal noise (N, 4, H/8, W/8) -> images
    (N, 3, H, W), nominally in [-1, 1], not clamped.

    Made on the meta device, without values. ``context`` (1, L, D) is the text encoder's reading of no text. The
    official code weighs against a prediction without condition, for which it takes the same condition; so there
    is nothing to weigh here, and one prediction a step.
    """

    context: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.unet = make_unet(config.unet)
        self.control = ControlNet(config.unet)
        self.vae = BypassAutoencoder(config.vae)
        with torch.device("meta"):
            self.prior = PhysicalPrior()
            self.register_buffer("context", torch.empty(1, 77, config.unet.context_dim))
        self.eval().requires_grad_(False)

    @property
    def dtype(self) -> torch.dtype:
        return self.context.dtype

    def forward(self, images: Tensor, noise: Tensor, steps: int = 10) -> Tensor:
        sampled = self.sample(self.hint(images), noise, steps)
        return self.decode(sampled, self.features(images))

    def hint(self, images: Tensor) -> Tensor:
        """(N, C, H/8, W/8): what the control network is shown of the images."""
        return self.control.embed(self.prior(images).to(self.dtype))

    def features(self, images: Tensor) -> list[Tensor]:
        """What the decoder is shown of the images."""
        return self.vae.features((2 * images - 1).to(self.dtype))

    def predict_noise(self, latents: Tensor, timestep: float, hint: Tensor) -> Tensor:
        """The noise in ``latents``, (N, 4, H/8, W/8) in float32."""
        latents = latents.to(self.dtype)
        times = torch.full((len(latents),), timestep, device=latents.device)
        context = self.context.expand(len(latents), -1, -1)
        *down, middle = self.control.residuals(latents, times, context, hint)
        noise: Tensor = self.unet(
            latents,
            times,
            context,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return noise.float()

    def sample(self, hint: Tensor, noise: Tensor, steps: int = 10) -> Tensor:
        """The latents of the well-lit images, scaled."""
        alphas = rounded(alphas_cumprod(scaled_linear_betas()).astype(np.float32), self.dtype)
        return solve(lambda x, t: self.predict_noise(x, t, hint), noise, Schedule(alphas, steps), steps)

    def decode(self, latents: Tensor, features: Sequence[Tensor]) -> Tensor:
        """The images of what ``sample`` made, (N, 3, H, W) in float32."""
        return self.vae.decode((latents / SCALE).to(self.dtype), features).float()
