"""SUPIR: a robust encoder sees through the degradation, then SDXL, led by its latents, restores the image.

Input and output are RGB in [0, 1]. Whatever its size, an image is restored at 1024 pixels a side or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import interpolate

from iqabench.compat.libraries import library_class
from iqabench.compat.pillow import BICUBIC, resize
from iqabench.diffusion.colour import adaptive_instance_normalisation, wavelet_reconstruction
from iqabench.diffusion.latents import FACTOR, decoded, moments
from iqabench.diffusion.memory import resting_place, running
from iqabench.diffusion.noise import Noise, SeededNoise
from iqabench.errors import UsageError
from iqabench.ops.tiles import blend_tiles
from iqabench.weights.config import read_config
from iqabench_enhancer_supir import checkpoint, sampling
from iqabench_enhancer_supir.config import NEGATIVE, POSITIVE, SIZE, Config
from iqabench_enhancer_supir.network import Autoencoder, Denoiser

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

MULTIPLE = 64
SDXL = "sd_xl_base_1.0_0.9vae.safetensors"
WEIGHTS = {"Q": "SUPIR-v0Q.ckpt", "F": "SUPIR-v0F.ckpt"}
COLOURS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "wavelet": wavelet_reconstruction,
    "adain": adaptive_instance_normalisation,
    "none": lambda images, _: images,
}


def load_sr(context: LoadContext) -> Enhancer:
    return Supir.load(context, int(context.params["scale"]))


def load_dn(context: LoadContext) -> Enhancer:
    return Supir.load(context, 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the networks are run. ``context`` (2, L, D) and ``vector`` (2, V) are of the negative prompt, then of the
    prompt. ``dtype`` is the diffusion's, ``vae_dtype`` the autoencoder's."""

    scale: int
    strength: float
    colour: str
    tile: int
    vae_tile: int
    latent_scale: float
    min_size: int
    context: Tensor
    vector: Tensor
    device: torch.device
    dtype: torch.dtype
    vae_dtype: torch.dtype
    offload: bool


@dataclass(frozen=True, slots=True)
class Supir:
    denoiser: Denoiser
    autoencoder: Autoencoder
    sampling: sampling.Settings
    settings: Settings

    @classmethod
    def load(cls, context: LoadContext, scale: int) -> Supir:
        params = context.params
        tile, vae_tile, offload = int(params["tile"]), int(params["vae_tile"]), bool(params["offload"])
        if tile % MULTIPLE or vae_tile % FACTOR:
            raise UsageError(f"tile={tile} must be a multiple of {MULTIPLE}, and vae_tile={vae_tile} of {FACTOR}.")
        config = read_config(context.weights["config.json"], Config)
        paths = (context.weights[SDXL], context.weights[WEIGHTS[str(params["variant"])]])
        base = checkpoint.read_state(paths[0], checkpoint.SDXL_PARTS)
        own = checkpoint.read_state(paths[1], checkpoint.SUPIR_PARTS)

        prompt, negative = (str(params[name]) for name in ("prompt", "negative_prompt"))
        positive = str(params["caption"]) + (POSITIVE if prompt == "official" else prompt)
        prompts = [NEGATIVE if negative == "official" else negative, positive]
        states, pooled = checkpoint.encode_prompts(checkpoint.load_text_towers(config, base, paths[0]), prompts)
        vector = torch.cat((pooled, size_embedding().expand(2, -1)), dim=1)

        denoiser, autoencoder = Denoiser(config).eval(), Autoencoder(config).eval()
        rest = resting_place(context.device, offload)
        # The autoencoder's activations are too large for float16.
        vae_dtype = torch.bfloat16 if context.dtype == torch.float16 else context.dtype
        checkpoint.fill_denoiser(denoiser, base, own, paths, device=rest, dtype=context.dtype)
        checkpoint.fill_autoencoder(autoencoder, base, own, paths, device=rest, dtype=vae_dtype)
        how = sampling.Settings(
            steps=int(params["steps"]),
            guidance=float(params["guidance"]),
            guidance_start=float(params["guidance_start"]),
            churn=float(params["churn"]),
            noise=float(params["noise"]),
            restoration=float(params["restoration"]),
        )
        settings = Settings(
            scale=scale,
            strength=float(params["strength"]),
            colour=str(params["colour"]),
            tile=tile // FACTOR,
            vae_tile=vae_tile,
            latent_scale=config.scale_factor,
            min_size=config.min_size,
            context=states.to(context.device, context.dtype),
            vector=vector.to(context.device, context.dtype),
            device=context.device,
            dtype=context.dtype,
            vae_dtype=vae_dtype,
            offload=offload,
        )
        return cls(denoiser, autoencoder, how, settings)

    def __call__(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        return self.enhance(images, SeededNoise(seeds, self.settings.device))

    def enhance(self, images: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> (N, 3, s·H, s·W), cut down to steps of 1/255 as the official code does."""
        scale = self.settings.scale
        size = (images.shape[-2] * scale, images.shape[-1] * scale)
        wanted = working_size(size, self.settings.min_size)
        restored = self.restore(resize(images, wanted, BICUBIC) * 2 - 1, noise)
        return to_bytes(restored, size) / 255

    def restore(self, images: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [-1, 1], sides multiples of 64, restored; about in [-1, 1]."""
        condition = self.encode(images, robust=True)[0]
        first = self.decode(condition)
        drawn = noise(condition.shape)  # for the first stage's latents, used or not, as officially
        centre = None
        if self.sampling.restoration > 0:
            mean, deviation = self.encode(first)
            centre = mean + deviation * drawn
        latents = self.sample(condition, noise, centre)
        return COLOURS[self.settings.colour](self.decode(latents), first)

    def sample(self, condition: Tensor, noise: Noise, centre: Tensor | None = None) -> Tensor:
        """The latents of the restored image, from those of the poor one, (N, 4, H, W)."""
        at = self.settings
        size = (condition.shape[-2], condition.shape[-1])

        def predict(latents: Tensor, time: int) -> tuple[Tensor, Tensor]:
            if not at.tile or max(size) <= at.tile:
                both = self.predict(latents, condition, time)
            else:
                both = blend_tiles(
                    lambda rows, columns: self.predict(
                        latents[..., rows, columns], condition[..., rows, columns], time
                    ),
                    size,
                    at.tile,
                    at.tile // 2,
                )
            plain, prompted = both.chunk(2)
            return plain, prompted

        with running(self.denoiser, device=at.device, offload=at.offload):
            return sampling.sample(predict, tuple(condition.shape), noise, self.sampling, centre)

    def predict(self, latents: Tensor, condition: Tensor, time: int) -> Tensor:
        """The noise without and with the prompt, (2·N, 4, H, W) in float32."""
        at = self.settings
        count = len(latents)
        times = torch.full((2 * count,), time, device=at.device)
        both = [torch.cat((each, each)).to(at.dtype) for each in (latents, condition)]
        context, vector = (each.repeat_interleave(count, dim=0) for each in (at.context, at.vector))
        made: Tensor = self.denoiser(*both, times, context, vector, at.strength).float()
        return made

    def encode(self, images: Tensor, *, robust: bool = False) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) in [-1, 1] -> the mean and the deviation of its latents, scaled."""
        at, vae = self.settings, self.autoencoder.vae
        encoder = self.autoencoder.robust["encoder"] if robust else vae.encoder
        with running(self.autoencoder, device=at.device, offload=at.offload):
            mean, deviation = moments(vae, images.to(at.vae_dtype), tile=at.vae_tile, encoder=encoder)
        return mean * at.latent_scale, deviation * at.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        at = self.settings
        with running(self.autoencoder, device=at.device, offload=at.offload):
            return decoded(self.autoencoder.vae, (latents / at.latent_scale).to(at.vae_dtype), tile=at.vae_tile)


def working_size(size: tuple[int, int], min_size: int) -> tuple[int, int]:
    """What an image of ``size`` is resized to: no side under ``min_size``, both rounded to multiples of 64."""
    larger = max(1.0, min_size / min(size))
    height, width = (int(np.round(side * larger / MULTIPLE)) * MULTIPLE for side in size)
    return max(height, MULTIPLE), max(width, MULTIPLE)


def to_bytes(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 3, H, W) in [-1, 1] -> (N, 3, *size), whole numbers up to 255. Shrinking aliases, as officially."""
    sized = interpolate(images.float(), size=size, mode="bicubic", align_corners=False)
    return (sized * 127.5 + 127.5).clamp(0, 255).floor()


def size_embedding() -> Tensor:
    """(1, 6·256): the size of the original, no cropping, and the size wanted, always the same."""
    embed = library_class("diffusers.models.embeddings", "Timesteps")(256, flip_sin_to_cos=True, downscale_freq_shift=0)
    made: Tensor = embed(torch.tensor([SIZE, SIZE, 0, 0, SIZE, SIZE]))
    return made.flatten()[None]
