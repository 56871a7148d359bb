"""The architecture, in the names of the official ``cldm.yaml``, and what the two versions do by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

POSITIVE = (
    "Cinematic, High Contrast, highly detailed, taken using a Canon EOS R camera, hyper detailed photo - realistic "
    "maximum detail, 32k, Color Grading, ultra HD, extreme meticulous detailing, skin pore detailing, hyper sharpness, "
    "perfect without deformations."
)
NEGATIVE = (
    "painting, oil painting, illustration, drawing, art, sketch, oil painting, cartoon, CG Style, 3D render, unreal "
    "engine, blurring, dirty, messy, worst quality, low quality, frames, watermark, signature, jpeg artifacts, "
    "deformed, lowres, over-smooth."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``short_side`` is the least that the first stage's image measures. The last three describe the networks of
    the first stage, in the names of spandrel."""

    unet_cfg: Mapping[str, Any]
    vae_cfg: Mapping[str, Any]
    clip_cfg: Mapping[str, Any]
    controlnet_cfg: Mapping[str, Any]
    latent_scale_factor: float = 0.18215
    short_side: int = 512
    bsrnet: Mapping[str, Any] = field(default_factory=lambda: {"num_filters": 64, "num_blocks": 23})
    scunet: Mapping[str, Any] = field(default_factory=lambda: {"dim": 64, "config": [4] * 7})
    swinir: Mapping[str, Any] = field(
        default_factory=lambda: {"embed_dim": 180, "depths": [6] * 8, "num_heads": [6] * 8}
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """The official command of a version. ``zero_snr`` goes with prediction of v, and else that of the noise."""

    steps: int
    guidance: float
    prompt: str
    negative_prompt: str
    zero_snr: bool


VERSIONS = {
    "v2": Version(
        steps=50,
        guidance=4,
        prompt="",
        negative_prompt="low quality, blurry, low-resolution, noisy, unsharp, weird textures",
        zero_snr=False,
    ),
    "v2.1": Version(steps=10, guidance=8, prompt=POSITIVE, negative_prompt=NEGATIVE, zero_snr=True),
}
