"""What Stable Diffusion works on: an image's latents, an eighth as high and wide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from iqabench.diffusion import tiling
from iqabench.errors import UsageError
from iqabench.ops.tiles import blend_tiles

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench.types import ParamValue

FACTOR = 8
"""Pixels along a side for one latent."""


def moments(vae: Any, images: Tensor, *, tile: int = 0, encoder: Any = None) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the latents of (N, 3, H, W) in [-1, 1], by diffusers' ``vae``: in float32, not scaled.

    ``tile`` is that of ``tiling.encode``; ``encoder`` takes the place of the VAE's own.
    """
    x = vae.quant_conv(tiling.encode(vae.encoder if encoder is None else encoder, images, tile=tile))
    mean, log_variance = x.float().chunk(2, dim=1)
    return mean, (log_variance.clamp(-30, 20) / 2).exp()


def decoded(vae: Any, latents: Tensor, *, tile: int = 0) -> Tensor:
    """(N, 3, H, W) about in [-1, 1], in float32, from latents that are not scaled."""
    return tiling.decode(vae.decoder, vae.post_quant_conv(latents), tile=tile).float()


def tile_sizes(params: Mapping[str, ParamValue]) -> tuple[int, int, int]:
    """The parameters ``tile`` and ``overlap``, in latents, and ``vae_tile``, in pixels. Raises UsageError."""
    tile, overlap, vae_tile = (int(params[name]) for name in ("tile", "overlap", "vae_tile"))
    if any(pixels % FACTOR for pixels in (tile, overlap, vae_tile)) or (tile and overlap >= tile):
        raise UsageError(
            f"tile={tile}, overlap={overlap} and vae_tile={vae_tile} must be multiples of {FACTOR}, "
            "and the overlap less than the tile."
        )
    return tile // FACTOR, overlap // FACTOR, vae_tile


def blend_if_larger(
    evaluate: Callable[[slice, slice], Tensor], size: tuple[int, int], tile: int, overlap: int
) -> Tensor:
    """``blend_tiles``; but the whole at once where it has no more latents than a tile, or ``tile`` is 0.

    A tile is no longer than the shorter side, and then overlaps by less if it must.
    """
    height, width = size
    if not tile or height * width <= tile**2:
        return evaluate(slice(0, height), slice(0, width))
    tile = min(tile, height, width)
    return blend_tiles(evaluate, size, tile, max(1, tile - overlap))
