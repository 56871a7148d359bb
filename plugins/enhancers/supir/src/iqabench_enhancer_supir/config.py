"""The architecture: SDXL's, with a control network and adapters that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POSITIVE = (
    "Cinematic, High Contrast, highly detailed, taken using a Canon EOS R camera, hyper detailed photo - realistic "
    "maximum detail, 32k, Color Grading, ultra HD, extreme meticulous detailing, skin pore detailing, hyper sharpness, "
    "perfect without deformations."
)
NEGATIVE = (
    "painting, oil painting, illustration, drawing, art, sketch, oil painting, cartoon, CG Style, 3D render, unreal "
    "engine, blurring, dirty, messy, worst quality, low quality, frames, watermark, signature, jpeg artifacts, "
    "deformed, lowres, over-smooth"
)
SIZE = 1024
"""What SDXL is told of the size of every image, whatever it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``unet``, ``control`` and ``ddconfig`` in the names of Stability AI's configurations, ``clip`` and ``open_clip``
    as ``TextConfig``. ``min_size`` is the least that the shorter side measures while it is restored."""

    unet: Mapping[str, Any]
    control: Mapping[str, Any]
    ddconfig: Mapping[str, Any]
    clip: Mapping[str, Any]
    open_clip: Mapping[str, Any]
    scale_factor: float = 0.13025
    min_size: int = 1024


UNUSED = ("mode", "project_type", "project_channel_scale", "input_upscale")
"""Of the published configurations of the UNet and the control network: there is one way of each here."""
