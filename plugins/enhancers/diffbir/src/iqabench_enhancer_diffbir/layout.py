"""What the official files hold: every key with its shape, told from the networks on the meta device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iqabench.diffusion import ldm
from iqabench.diffusion.architecture import TextConfig, VaeConfig, make_text_tower, make_vae
from iqabench_enhancer_diffbir.cleaners import Cleaner
from iqabench_enhancer_diffbir.model import BASE, CONTROL, FIRST_STAGE
from iqabench_enhancer_diffbir.network import Denoiser

if TYPE_CHECKING:
    from iqabench_enhancer_diffbir.config import Config

Layout = dict[str, tuple[tuple[int, ...], str]]
"""Key -> shape and dtype, as ``iqabench.testing.checkpoints.generate`` takes them."""


def layout(config: Config, name: str) -> Layout:
    """Of the official file ``name``, for networks of this configuration."""
    if name in BASE.values():
        return _base(config)
    if name in CONTROL.values():
        return _floats(ldm.official_keys(Denoiser(config).control, ldm.unet_sources))
    kind = next(kind for kind, file in FIRST_STAGE.items() if file == name)
    return _first_stage(kind(config))


def _base(config: Config) -> Layout:
    unet = ldm.official_keys(Denoiser(config).unet, ldm.unet_sources, ldm.UNET)
    vae = ldm.official_keys(make_vae(VaeConfig.read(config.vae_cfg)), ldm.vae_sources, ldm.VAE)
    whole = TextConfig.read_open_clip({"text_cfg": config.clip_cfg["text_cfg"]})
    text = ldm.official_keys(make_text_tower(whole), ldm.open_clip_sources, f"{ldm.TEXT}model.")
    unused = {f"{ldm.TEXT}model.logit_scale": (), f"{ldm.TEXT}model.text_projection": (whole.width, whole.width)}
    return _floats({**unet, **vae, **text, **unused})


def _first_stage(cleaner: Cleaner) -> Layout:
    own = cleaner.network.state_dict()
    return {
        source.key: (tuple(own[key].shape), str(own[key].dtype).removeprefix("torch."))
        for key, source in cleaner.sources(own).items()
    }


def _floats(shapes: dict[str, tuple[int, ...]]) -> Layout:
    return {key: (shape, "float32") for key, shape in shapes.items()}
