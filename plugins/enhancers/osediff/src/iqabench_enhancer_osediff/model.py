"""sr.osediff: one step of Stable Diffusion from the photo itself (Wu et al., NeurIPS 2024, arXiv:2406.08177).

The photo's own latents take the place of noise at the last time of the schedule; the UNet, led by the tags of what
the photo shows, says what is noise in them, and what is left is decoded. Input and output are RGB in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL.Image import Resampling
from torch import Tensor

from iqabench.compat.libraries import library_class
from iqabench.compat.pillow import BICUBIC, resize
from iqabench.diffusion.colour import adaptive_instance_normalisation, wavelet_reconstruction
from iqabench.diffusion.folder import load_text_tower, make_network, read_vae_state
from iqabench.diffusion.latents import FACTOR, blend_if_larger, decoded, moments, tile_sizes
from iqabench.diffusion.memory import resting_place, running
from iqabench.diffusion.noise import Noise, SeededNoise
from iqabench.diffusion.prompts import Encode, read_tokenizer, tokenise
from iqabench.errors import WeightsError
from iqabench.weights.config import read_config
from iqabench.weights.safe import read_checkpoint, unwrap
from iqabench_enhancer_osediff.config import Config
from iqabench_enhancer_osediff.lora import BASE, fill_adapted, unet_adapters, vae_adapters
from iqabench_enhancer_osediff.tagger import Tagger, load_tagger

if TYPE_CHECKING:
    from iqabench import Enhancer, LoadContext

LAST = 999


@dataclass(frozen=True, slots=True)
class Settings:
    """How the networks are run. ``signal`` is the share of the signal's variance at the last time."""

    scale: int
    short_side: int
    colour: str
    tags: str
    prompt: str
    tile: int
    overlap: int
    vae_tile: int
    latent_scale: float
    signal: Tensor
    device: torch.device
    dtype: torch.dtype
    offload: bool


def load(context: LoadContext) -> Enhancer:
    params, weights = context.params, context.weights
    tile, overlap, vae_tile = tile_sizes(params)
    config = read_config(weights["config.json"], Config)
    offload = bool(params["offload"])
    where: dict[str, Any] = {"dtype": context.dtype, "device": resting_place(context.device, offload)}
    unet, vae = make_network("UNet2DConditionModel", config.unet), make_network("AutoencoderKL", config.vae)
    path = weights["osediff.pkl"]
    adapters = read_checkpoint(path)
    lora = [_part(adapters, name, path) for name in ("state_dict_unet", "state_dict_vae")]
    state = unwrap(read_checkpoint(weights["unet.safetensors"]))
    named = unet_adapters(unet.state_dict())
    fill_adapted(unet, state, weights["unet.safetensors"], lora[0], path, named, base=BASE, **where)
    state = read_vae_state(weights["vae.safetensors"])
    fill_adapted(vae, state, weights["vae.safetensors"], lora[1], path, vae_adapters(vae.state_dict()), **where)
    tagger, encode = None, None
    if params["tags"] == "ram":
        tagger = load_tagger(config.tagger, weights).to(where["device"])
        tagger.network.to(context.dtype)
        encode = read_tokenizer(weights["vocab.json"], weights["merges.txt"])
    schedule = library_class("diffusers", "DDPMScheduler").from_config(dict(config.scheduler))
    settings = Settings(
        scale=int(params["scale"]),
        short_side=int(params["process_size"]) // int(params["scale"]),
        colour=str(params["colour"]),
        tags=str(params["tags"]),
        prompt=str(params["prompt"]),
        tile=tile,
        overlap=overlap,
        vae_tile=vae_tile,
        latent_scale=float(config.vae["scaling_factor"]),
        signal=schedule.alphas_cumprod[LAST],
        device=context.device,
        dtype=context.dtype,
        offload=offload,
    )
    return OSEDiff(
        tagger, encode, load_text_tower(config.text, weights["text_encoder.safetensors"], **where), unet, vae, settings
    )


def _part(checkpoint: Any, name: str, path: Any) -> dict[str, Tensor]:
    if not isinstance(checkpoint, dict) or name not in checkpoint:
        raise WeightsError(f"{path} holds no {name}.", hint="Give the official osediff.pkl.")
    return unwrap(checkpoint, name)


@dataclass(frozen=True, slots=True)
class OSEDiff:
    tagger: Tagger | None
    encode: Encode | None
    tower: Any
    unet: Any
    vae: Any
    settings: Settings

    def __call__(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        return self.enhance(images, SeededNoise(seeds, self.settings.device))

    def enhance(self, images: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> (N, 3, s·H, s·W), in steps of 1/255."""
        plain = self.enlarge(images)
        made = self.colour(_cut(self.restore(plain, self.embed(self.prompts(plain)), noise) * 0.5 + 0.5), plain)
        size = (images.shape[-2] * self.settings.scale, images.shape[-1] * self.settings.scale)
        return resize(made, size, BICUBIC)

    def enlarge(self, images: Tensor) -> Tensor:
        """The image in its last size, which is a multiple of 8, and is no less than the networks are made for."""
        at = self.settings
        height, width = images.shape[-2:]
        if min(height, width) < at.short_side:
            factor = at.short_side / min(height, width)
            height, width = int(factor * height), int(factor * width)
            images = resize(images, (height, width), BICUBIC)
        images = resize(images, (height * at.scale, width * at.scale), BICUBIC)
        fitting = [side - side % FACTOR for side in images.shape[-2:]]
        return resize(images, (fitting[0], fitting[1]), Resampling.LANCZOS)

    def prompts(self, images: Tensor) -> list[str]:
        """What each image shows, and what the user adds, as the official code writes it."""
        at = self.settings
        tags = [at.tags] * len(images)
        if self.tagger is not None:
            with running(self.tagger, device=at.device, offload=at.offload):
                tags = self.tagger(images)
        return [f"{each}, {at.prompt}," for each in tags]

    def embed(self, prompts: Sequence[str]) -> Tensor:
        """(N, 77, D): the text tower's states after its last norm."""
        at = self.settings
        tokens, _ = tokenise(prompts, self.encode)
        with running(self.tower, device=at.device, offload=at.offload):
            states: Tensor = self.tower(tokens.to(at.device)).last_hidden_state
        return states

    def restore(self, images: Tensor, context: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> the same in [-1, 1], H and W being multiples of 8."""
        at = self.settings
        mean, deviation = self.encode_image(images)
        latents = (mean + deviation * noise(mean.shape)) * at.latent_scale
        signal = at.signal.to(latents.device)
        restored = (latents - (1 - signal).sqrt() * self.predict(latents, context)) / signal.sqrt()
        with running(self.vae, device=at.device, offload=at.offload):
            return decoded(self.vae, (restored / at.latent_scale).to(at.dtype), tile=at.vae_tile).clamp(-1, 1)

    def encode_image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the latents, not yet scaled, in float32."""
        at = self.settings
        with running(self.vae, device=at.device, offload=at.offload):
            return moments(self.vae, (images * 2 - 1).to(at.dtype), tile=at.vae_tile)

    def predict(self, latents: Tensor, context: Tensor) -> Tensor:
        """ε at the last time, in float32; in tiles where the latents are more than one tile holds."""
        at = self.settings

        def ask(rows: slice, columns: slice) -> Tensor:
            some = latents[..., rows, columns].to(at.dtype)
            made: Tensor = self.unet(some, LAST, encoder_hidden_states=context).sample
            return made.float()

        with running(self.unet, device=at.device, offload=at.offload):
            return blend_if_larger(ask, (latents.shape[-2], latents.shape[-1]), at.tile, at.overlap)

    def colour(self, images: Tensor, plain: Tensor) -> Tensor:
        """``images`` with the colours of the image that they were made from."""
        if self.settings.colour == "adain":
            images = adaptive_instance_normalisation(images, plain)
        elif self.settings.colour == "wavelet":
            images = wavelet_reconstruction(images, plain)
        return _cut(images)


def _cut(images: Tensor) -> Tensor:
    """Cut down to steps of 1/255, as the official code does when it makes bytes of numbers."""
    return (images.clamp(0, 1) * 255).floor() / 255
