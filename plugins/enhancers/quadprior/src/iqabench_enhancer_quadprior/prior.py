"""The physical quadruple prior: what the colours of a scene tell of it in any light (section 3.2 of the paper).

H and S are angle and strength of colour after the Gaussian colour model of Geusebroek et al. (2001), smoothed by
a Gaussian whose width a small network chooses for each image (after Lengyel et al., "Zero-shot day-night domain
adaptation with a physics prior", ICCV 2021); W is the strength of edges; and the order of the three channels.
Attributes are named as in the official checkpoint.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from iqabench.ops.filters import filter_columns, filter_rows

EPS = 1e-4
LARGEST_SCALE = 2.5
COLOUR_MODEL = ((0.06, 0.63, 0.27), (0.3, 0.04, -0.35), (0.34, -0.6, 0.17))
CHANNELS = 6


class PhysicalPrior(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> (N, 6, H, W): H, S, the order of the channels (3), W; in float32."""

    def __init__(self, features: int = 16) -> None:
        super().__init__()
        self.gcm = nn.Parameter(torch.tensor(COLOUR_MODEL))
        self.conv = nn.Sequential(
            nn.Conv2d(3, features, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(features, 1, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        images = images.float()
        measured = torch.einsum("oc,nchw->nohw", self.gcm, images)
        e, el, ell, ex, ey = (
            torch.cat(maps)
            for maps in zip(
                *(smoothed(each[None], 2.0**scale) for each, scale in zip(measured, self.scale(images), strict=True)),
                strict=True,
            )
        )
        hue = torch.atan(el / (ell + EPS))
        saturation = torch.log((el.square() + ell.square()) / (e.square() + EPS) + EPS)
        edges = torch.atan((ex / (e + EPS)).square() + (ey / (e + EPS)).square())
        return torch.cat((hue, saturation, channel_order(images), edges), dim=1)

    def scale(self, images: Tensor) -> list[float]:
        """The exponent of the smoothing's width in pixels, for each image."""
        means: Tensor = self.conv(images).mean(dim=(1, 2, 3))
        scales: list[float] = means.clamp(-LARGEST_SCALE, LARGEST_SCALE).tolist()
        return scales


def smoothed(measured: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """E, its two spectral derivatives, (1, 3, H, W), smoothed; and E's derivatives down and along. (1, 1, H, W) each.

    The Gaussian and its derivatives are separable; beyond the border there is black.
    """
    reach = math.ceil(3 * sigma + 0.5)
    x = torch.arange(-reach, reach + 1, dtype=torch.float64)
    gaussian = torch.exp(-(x**2) / (2 * sigma**2))
    slope = -x * gaussian
    gaussian, slope = gaussian / gaussian.sum(), slope / slope.abs().sum()
    framed = pad(measured, (reach,) * 4)
    e, el, ell = filter_rows(filter_columns(framed, gaussian), gaussian).chunk(3, dim=1)
    down = filter_rows(filter_columns(framed[:, :1], slope), gaussian)
    along = filter_rows(filter_columns(framed[:, :1], gaussian), slope)
    return e, el, ell, down, along


def channel_order(images: Tensor) -> Tensor:
    """(N, 3, H, W): 1 in the largest channel, -1 in the smallest, 0 between; halves where the extreme is shared
    by the first and the last that have it."""
    place = torch.arange(images.shape[1], device=images.device)[:, None, None]
    order = torch.zeros_like(images)
    for extreme, share in ((images.amax(1, keepdim=True), 0.5), (images.amin(1, keepdim=True), -0.5)):
        here = images == extreme
        first = torch.where(here, place, len(place)).amin(1, keepdim=True)
        last = torch.where(here, place, -1).amax(1, keepdim=True)
        order += share * ((place == first).to(order) + (place == last).to(order))
    return order
