"""VIFp: visual information fidelity with pixels in the place of subbands, after the authors' vifp_mscale.m.

Four scales; at each, local moments under a Gaussian window of 17, 9, 5 and 3 pixels, σ = size / 5, which
also filters the image before every second pixel is kept; noise variance 2 on the 0..255 scale. Agrees with
piq's ``vif_p`` on unrounded luma, and with ``channels="rgb"``, the mean of the channels' values, with sewar
and (fed 0..255) torchmetrics. The numbers are not those of ``fr.vif``. An image with more contrast than its
reference can exceed 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

from iqabench.ops.batch import one_by_one
from iqabench.ops.colour import luma
from iqabench.ops.filters import filter_columns, filter_rows, gaussian_window, separable_filter, spatial_mean
from iqabench_iqa_vif.channel import WINDOW_SIZES, gain_and_noise

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import LoadContext, Scorer

NOISE_VARIANCE = 2.0
TINY = 1e-8


def load(context: LoadContext) -> Scorer:
    channels = str(context.params["channels"])

    def vifp(images: Tensor, references: Tensor | None = None) -> Tensor:
        assert references is not None
        if channels == "y":
            images, references = luma(images), luma(references)
        planes = (x.flatten(0, 1)[:, None] for x in (images, references))
        return one_by_one(_of_planes, *planes).view(len(images), -1).mean(1)

    return vifp


def _of_planes(images: Tensor, references: Tensor) -> Tensor:
    # In float64: in dark or bright parts float32 has no digits left for variances near that of the noise.
    x, y = images.double() * 255, references.double() * 255
    received = torch.full((len(x),), TINY, dtype=torch.float64, device=x.device)
    sent = received.clone()
    for scale, size in enumerate(WINDOW_SIZES):
        window = gaussian_window(size, size / 5)
        if scale > 0:
            x, y = (filter_rows(filter_columns(plane, window, stride=2), window, stride=2) for plane in (x, y))
        received_here, sent_here = _information(x, y, window)
        received += received_here
        sent += sent_here
    return received / sent


def _information(x: Tensor, y: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """What the eye gets of the reference ``y`` from the image ``x``, and from ``y`` itself; each (N,)."""
    products = (x, y, x.square(), y.square(), x * y)
    mean_x, mean_y, xx, yy, xy = (separable_filter(product, window, padding="valid") for product in products)
    variance_x = F.threshold(xx.sub_(mean_x.square()), TINY, 0, inplace=True)
    variance_y = F.threshold(yy.sub_(mean_y.square()), TINY, 0, inplace=True)
    gain, noise = gain_and_noise(variance_x, variance_y, xy.sub_(mean_x.mul_(mean_y)), tiny=TINY)
    received = gain.square_().mul_(variance_y).div_(noise.add_(NOISE_VARIANCE)).log1p_()
    sent = variance_y.div_(NOISE_VARIANCE).log1p_()
    pixels = received[0].numel()
    return spatial_mean(received)[:, 0] * pixels, spatial_mean(sent)[:, 0] * pixels
