"""MUSIQ as a scorer: any size of RGB in [0, 1]; the score is the network's output, or the expected rating."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.ops.batch import one_by_one
from iqabench_iqa_musiq.checkpoint import load_weights
from iqabench_iqa_musiq.network import MusiqNetwork
from iqabench_iqa_musiq.patches import cut

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

RATINGS = 10  # those of AVA, 1 to 10


def load(context: LoadContext) -> Scorer:
    official = context.params["preprocess"] == "official"
    with torch.device("meta"):
        network = MusiqNetwork(
            classes=RATINGS if context.params["weights"] == "ava" else 1, approximate="tanh" if official else "none"
        )
    network.to_empty(device="cpu")  # every one of its tensors is then loaded
    (path,) = context.weights.values()
    load_weights(network, path)
    network.standardise()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    return Musiq(network, official=official, dtype=context.dtype).eval().to(context.device)


class Musiq(nn.Module):
    """Scores (N,) of images (N, 3, H, W): about 0..100, of ``ava`` within 1..10."""

    def __init__(self, network: MusiqNetwork, *, official: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.official = official
        self.dtype = dtype

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        return one_by_one(self._score, images)

    def _score(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            output: Tensor = self.network(cut(images, official=self.official))
        output = output.float()
        if output.shape[1] == 1:
            return output[:, 0]
        return output.softmax(dim=-1) @ torch.arange(1.0, output.shape[1] + 1, device=output.device)
