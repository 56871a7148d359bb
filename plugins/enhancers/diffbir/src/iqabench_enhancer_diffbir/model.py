"""DiffBIR: a first stage removes the degradation, then diffusion, led by its result, restores the detail.

Input and output are RGB in [0, 1]. The result keeps the low frequencies of the first stage's image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import interpolate

from iqabench.compat.pillow import BICUBIC, resize
from iqabench.diffusion import ldm
from iqabench.diffusion.colour import wavelet_reconstruction
from iqabench.diffusion.latents import FACTOR, decoded, moments
from iqabench.diffusion.memory import resting_place, running
from iqabench.diffusion.noise import Noise, SeededNoise
from iqabench.diffusion.prompts import tokenise
from iqabench.errors import UsageError
from iqabench.ops.tiles import blend_tiles
from iqabench.weights.config import read_config
from iqabench_enhancer_diffbir.cleaners import BSRNet, Cleaner, SCUNet, SwinIR, load_cleaner, pad_to
from iqabench_enhancer_diffbir.config import VERSIONS, Config
from iqabench_enhancer_diffbir.network import Denoiser, load_denoiser, load_text_tower, load_vae, read_state
from iqabench_enhancer_diffbir.sampling import sample_sde, sample_spaced

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

CLEANERS: dict[tuple[str, str], type[Cleaner]] = {
    ("sr", "v2"): BSRNet,
    ("dn", "v2"): SCUNet,
    ("sr", "v2.1"): SwinIR,
    ("dn", "v2.1"): SwinIR,
}
FIRST_STAGE: dict[type[Cleaner], str] = {
    BSRNet: "BSRNet.pth",
    SCUNet: "scunet_color_real_psnr.pth",
    SwinIR: "realesrgan_s4_swinir_100k.pth",
}
BASE = {"v2": "v2-1_512-ema-pruned.ckpt", "v2.1": "sd2.1-base-zsnr-laionaes5.ckpt"}
CONTROL = {"v2": "v2.pth", "v2.1": "DiffBIR_v2.1.pt"}


def load_sr(context: LoadContext) -> Enhancer:
    return DiffBIR.load(context, "sr", int(context.params["scale"]))


def load_dn(context: LoadContext) -> Enhancer:
    return DiffBIR.load(context, "dn", 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the networks are run. ``context`` is of the prompt and of the negative one, (2, L, D)."""

    version: str
    scale: int
    steps: int
    guidance: float
    strength: float
    tile: int
    vae_tile: int
    latent_scale: float
    context: Tensor
    device: torch.device
    dtype: torch.dtype
    offload: bool


@dataclass(frozen=True, slots=True)
class DiffBIR:
    cleaner: Cleaner
    denoiser: Denoiser
    vae: Any
    settings: Settings

    @classmethod
    def load(cls, context: LoadContext, task: str, scale: int) -> DiffBIR:
        params, weights = context.params, context.weights
        version = str(params["version"])
        official = VERSIONS[version]
        config = read_config(weights["config.json"], Config)
        tiles = {name: int(params[name]) for name in ("tile", "vae_tile", "cleaner_tile")}
        for name, multiple in {"tile": 64, "vae_tile": 8, "cleaner_tile": 64}.items():
            if tiles[name] % multiple:
                raise UsageError(f"{name}={tiles[name]} is not a multiple of {multiple}.")

        offload = bool(params["offload"])
        rest = resting_place(context.device, offload)
        kind = CLEANERS[task, version]
        cleaner = load_cleaner(kind, config, weights[FIRST_STAGE[kind]], tile=tiles["cleaner_tile"], device=rest)
        path = weights[BASE[version]]
        base = read_state(path)
        ldm.check_parts(base, (ldm.UNET, ldm.VAE, ldm.TEXT), path)
        tower = load_text_tower(config, base, path)
        prompt, negative = (str(params[name]) for name in ("prompt", "negative_prompt"))
        positive = ", ".join(
            filter(None, (str(params["caption"]), official.prompt if prompt == "official" else prompt))
        )
        tokens, _ = tokenise([positive, official.negative_prompt if negative == "official" else negative])
        states = tower(tokens).last_hidden_state.to(context.device, context.dtype)
        del tower

        where = {"device": rest, "dtype": context.dtype}
        denoiser = load_denoiser(config, base, (path, weights[CONTROL[version]]), **where)
        vae = load_vae(config, base, path, **where)
        settings = Settings(
            version=version,
            scale=scale,
            steps=int(params["steps"]) or official.steps,
            guidance=float(params["guidance"]) or official.guidance,
            strength=float(params["strength"]),
            tile=tiles["tile"] // FACTOR,
            vae_tile=tiles["vae_tile"],
            latent_scale=config.latent_scale_factor,
            context=states,
            device=context.device,
            dtype=context.dtype,
            offload=offload,
        )
        return cls(cleaner, denoiser, vae, settings)

    def __call__(self, images: Tensor, *, seeds: Sequence[int]) -> Tensor:
        return self.enhance(images, SeededNoise(seeds, self.settings.device))

    def enhance(self, images: Tensor, noise: Noise) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> (N, 3, s·H, s·W), cut down to steps of 1/255 as the official code does."""
        clean = self.clean(images)
        restored = wavelet_reconstruction((self.restore(clean, noise) + 1) / 2, clean)
        size = (images.shape[-2] * self.settings.scale, images.shape[-1] * self.settings.scale)
        sized = interpolate(restored, size=size, mode="bicubic", antialias=True)
        return (sized * 255).clamp(0, 255).floor() / 255

    def clean(self, images: Tensor) -> Tensor:
        """The first stage's image, no side of which is under ``short_side``. All but BSRNet enlarge before it."""
        size = (images.shape[-2] * self.settings.scale, images.shape[-1] * self.settings.scale)
        if not isinstance(self.cleaner, BSRNet):
            images = resize(images, size, BICUBIC)
        with running(self.cleaner, device=self.settings.device, offload=self.settings.offload):
            made: Tensor = self.cleaner(images, size)
        return made

    def restore(self, clean: Tensor, noise: Noise) -> Tensor:
        """The second stage's image, about in [-1, 1], from the first one's, (N, 3, H, W) about in [0, 1]."""
        at = self.settings
        tiled = at.tile > 0
        condition = self.encode(pad_to(clean, FACTOR if tiled or at.vae_tile else FACTOR**2))
        height, width = condition.shape[-2:]
        tiled = tiled and min(height, width) >= at.tile
        if not tiled:
            condition = pad_to(condition, FACTOR)

        def predict(latents: Tensor, time: int) -> Tensor:
            if not tiled:
                return self.predict(latents, condition, time)
            size = (latents.shape[-2], latents.shape[-1])
            return blend_tiles(
                lambda rows, columns: self.predict(latents[..., rows, columns], condition[..., rows, columns], time),
                size,
                at.tile,
                at.tile // 2,
            )

        sample = sample_spaced if at.version == "v2" else sample_sde
        with running(self.denoiser, device=at.device, offload=at.offload):
            latents = sample(predict, tuple(condition.shape), noise, at.steps)
        return self.decode(latents[..., :height, :width])[..., : clean.shape[-2], : clean.shape[-1]]

    def predict(self, latents: Tensor, condition: Tensor, time: int) -> Tensor:
        """ε or v, guided away from the negative prompt; in float32."""
        at = self.settings
        count = len(latents)
        times = torch.full((2 * count,), time, device=at.device)
        both = [torch.cat((each, each)).to(at.dtype) for each in (latents, condition)]
        context = at.context.repeat_interleave(count, dim=0)
        wanted, unwanted = self.denoiser(*both, times, context, at.strength).float().chunk(2)
        guided: Tensor = unwanted + at.guidance * (wanted - unwanted)
        return guided

    def encode(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> the mean of its latents, scaled."""
        at = self.settings
        with running(self.vae, device=at.device, offload=at.offload):
            mean, _ = moments(self.vae, (images * 2 - 1).to(at.dtype), tile=at.vae_tile)
        return mean * at.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        at = self.settings
        with running(self.vae, device=at.device, offload=at.offload):
            return decoded(self.vae, (latents / at.latent_scale).to(at.dtype), tile=at.vae_tile)
