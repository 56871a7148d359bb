"""PASD: Stable Diffusion 1.5 restores a photo, led by a control branch that the decoder sees pixel by pixel.

Input and output are RGB in [0, 1]. The result keeps the low frequencies of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from iqabench.compat.pillow import BICUBIC, BILINEAR, resize
from iqabench.diffusion import ldm
from iqabench.diffusion.colour import wavelet_reconstruction
from iqabench.diffusion.folder import load_text_tower, make_network, own_keys, read_vae_state
from iqabench.diffusion.latents import FACTOR, blend_if_larger, decoded, moments, tile_sizes
from iqabench.diffusion.memory import resting_place, running
from iqabench.diffusion.noise import Noise, SeededNoise
from iqabench.diffusion.prompts import END, tokenise
from iqabench.weights.config import read_config
from iqabench.weights.safe import read_checkpoint, unwrap
from iqabench_enhancer_pasd.network import TRAINING_ONLY, Config, PixelAwareUNet, make_control
from iqabench_enhancer_pasd.sampling import full, make_scheduler, sample, start

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext


@dataclass(frozen=True, slots=True)
class Settings:
    """How the networks are run. ``context`` is of the negative prompt and of the prompt, (2, L, D)."""

    scale: int
    short_side: int
    steps: int
    guidance: float
    strength: float
    start: str
    tile: int
    overlap: int
    vae_tile: int
    latent_scale: float
    schedule: Any
    context: Tensor
    device: torch.device
    dtype: torch.dtype
    offload: bool


def load_sr(context: LoadContext) -> Enhancer:
    return PASD.load(context, int(context.params["scale"]))


def load_dn(context: LoadContext) -> Enhancer:
    return PASD.load(context, 1)


@dataclass(frozen=True, slots=True)
class PASD:
    control: Any
    unet: PixelAwareUNet
    vae: Any
    settings: Settings

    @classmethod
    def load(cls, context: LoadContext, scale: int) -> PASD:
        params, weights = context.params, context.weights
        tile, overlap, vae_tile = tile_sizes(params)
        config = read_config(weights["config.json"], Config)
        offload = bool(params["offload"])
        where: dict[str, Any] = {"dtype": context.dtype, "device": resting_place(context.device, offload)}

        tower = load_text_tower(config.text, weights["text_encoder.safetensors"])
        caption = " ".join(filter(None, (str(params["caption"]), str(params["prompt"]))))
        tokens, _ = tokenise([str(params["negative_prompt"]), caption + str(params["added_prompt"])], pad=END)
        states = tower(tokens).last_hidden_state.to(context.device, context.dtype)
        del tower

        unet, control = PixelAwareUNet(config.unet), make_control(config.unet)
        vae = make_network("AutoencoderKL", config.vae)
        path = weights["unet.safetensors"]
        ldm.fill(unet, unwrap(read_checkpoint(path)), own_keys, path, **where)
        path = weights["controlnet.safetensors"]
        ldm.fill(control, unwrap(read_checkpoint(path)), own_keys, path, ignored=TRAINING_ONLY, **where)
        path = weights["vae.safetensors"]
        ldm.fill(vae, read_vae_state(path), own_keys, path, **where)
        settings = Settings(
            scale=scale,
            short_side=int(params["process_size"]),
            steps=int(params["steps"]),
            guidance=float(params["guidance"]),
            strength=float(params["strength"]),
            start=str(params["start"]),
            tile=tile,
            overlap=overlap,
            vae_tile=vae_tile,
            latent_scale=float(config.vae["scaling_factor"]),
            schedule=dict(config.scheduler),
            context=states,
            device=context.device,
            dtype=context.dtype,
            offload=offload,
        )
        return cls(control, unet, vae, settings)

    def __call__(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        return self.enhance(images, SeededNoise(seeds, self.settings.device))

    def enhance(self, images: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> (N, 3, s·H, s·W), in steps of 1/255."""
        plain = self.enlarge(images)
        made = self.colour(self.decode(self.restore(plain, noise)), plain)
        size = (images.shape[-2] * self.settings.scale, images.shape[-1] * self.settings.scale)
        return resize(made, size, BICUBIC)

    def enlarge(self, images: Tensor) -> Tensor:
        """The image as the networks are given it: enlarged, to no less than they are made for, in multiples of 8."""
        at = self.settings
        height, width = (side * at.scale for side in images.shape[-2:])
        images = resize(images, (height, width), BICUBIC)
        short = min(height, width)
        if short < at.short_side:
            height, width = (at.short_side * side // short for side in (height, width))
            images = resize(images, (height, width), BILINEAR)
        return resize(images, (height - height % FACTOR, width - width % FACTOR), BICUBIC)

    def restore(self, images: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> latents of the restored images, not scaled back."""
        at = self.settings
        scheduler = make_scheduler(at.schedule, at.steps)
        mean, deviation = self.encode(images)
        latents = None if at.start == "noise" else (mean + deviation * noise(mean.shape)) * at.latent_scale
        x = start(scheduler, latents, mean.shape, noise, at.start)
        with running(self.control, self.unet, device=at.device, offload=at.offload):
            return sample(scheduler, lambda x, time: self.predict(x, images, time), x)

    def predict(self, latents: Tensor, images: Tensor, time: int) -> Tensor:
        """ε at ``time``, guided away from the negative prompt, in float32; in tiles where one does not hold it."""
        at = self.settings

        def ask(rows: slice, columns: slice) -> Tensor:
            seen = images[..., pixels(rows), pixels(columns)]
            return self.predict_both(latents[..., rows, columns], seen, time)

        size = (latents.shape[-2], latents.shape[-1])
        unwanted, wanted = blend_if_larger(ask, size, at.tile, at.overlap).chunk(2)
        return unwanted + at.guidance * (wanted - unwanted)

    def predict_both(self, latents: Tensor, images: Tensor, time: int) -> Tensor:
        """ε for the negative prompt and for the prompt, (2N, C, H, W), in float32."""
        at = self.settings
        x = torch.cat((latents, latents)).to(at.dtype)
        context = at.context.repeat_interleave(len(latents), dim=0)
        made: Tensor = self.unet(x, full(time, x), context, self.hints(x, images, time, context))
        return made.float()

    def hints(self, latents: Tensor, images: Tensor, time: int, context: Tensor) -> list[Tensor]:
        """What the control branch sees in ``images``, in [0, 1]: for each skip connection, then for the middle."""
        shown = images.to(latents.dtype).repeat(len(latents) // len(images), 1, 1, 1)
        features, middle = self.control(
            latents, full(time, latents), context, shown, conditioning_scale=self.settings.strength, return_dict=False
        )
        return [*features, middle]

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the latents, not yet scaled, in float32."""
        at = self.settings
        with running(self.vae, device=at.device, offload=at.offload):
            return moments(self.vae, (images * 2 - 1).to(at.dtype), tile=at.vae_tile)

    def decode(self, latents: Tensor) -> Tensor:
        """(N, 3, H, W) in steps of 1/255."""
        at = self.settings
        with running(self.vae, device=at.device, offload=at.offload):
            made = decoded(self.vae, (latents / at.latent_scale).to(at.dtype), tile=at.vae_tile)
        return ((made / 2 + 0.5).clamp(0, 1) * 255).round() / 255

    def colour(self, images: Tensor, plain: Tensor) -> Tensor:
        """``images`` with the low frequencies of ``plain``, cut down to steps of 1/255 as by the official code."""
        return (wavelet_reconstruction(images, plain).clamp(0, 1) * 255).floor() / 255


def pixels(latents: slice) -> slice:
    """The pixels that a row or column of latents stands for."""
    return slice(latents.start * FACTOR, latents.stop * FACTOR)
