"""Zero-DCE: DCE-Net estimates curves, which then brighten the image. Input and output are RGB in [0, 1].

The weights included were trained on LOL by the package neuro-low-light. The authors' own checkpoint, which may
be used for research only, loads as well: ``weights=Epoch99.pth``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_enhancer_zerodce.network import DCENet, apply_curves

if TYPE_CHECKING:
    from torch import Tensor

    from iqabench import Enhancer, LoadContext

FOREIGN = "dce_net.conv"  # the keys of neuro-low-light


def load(context: LoadContext) -> Enhancer:
    (path,) = context.weights.values()
    network = DCENet()
    load_strictly(network, _official(unwrap(read_checkpoint(path), "model_state_dict")), path)
    network.to(context.device, context.dtype).eval()

    def enhance(images: Tensor, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG001 (the Enhancer protocol)
        curves = network(images.to(context.dtype)).to(images.dtype)
        return apply_curves(images, curves).clamp(0, 1)

    return enhance


def _official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state by the official names, from those or from neuro-low-light's.

    Its values fit the official order of features (earlier before later), with which a photo in 15 % of its
    light comes within 19 dB of itself; the network code of that package joins them the other way round, and
    so reaches 12 dB with its own weights.
    """
    return {key.replace(FOREIGN, "e_conv"): value for key, value in strip_prefix(state, "module.").items()}
