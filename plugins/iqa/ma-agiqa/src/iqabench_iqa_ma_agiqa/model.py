"""MA-AGIQA as a scorer: mPLUG-Owl2 reads an image with two questions, then MA-AGIQA's own network judges it.

What is read is the mean of the last hidden states over all tokens of a prompt, the question's and the image's; nothing
is written. The network that judges is computed in float32, whatever mPLUG-Owl2 is computed in: its attention across
channels is so sharp that rounding shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.errors import WeightsError
from iqabench.lmm.decoding import batches
from iqabench.lmm.mplug_owl2.model import IMAGE, Owl, load_owl
from iqabench.weights.config import read_config
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_iqa_ma_agiqa.config import Config
from iqabench_iqa_ma_agiqa.network import MaAgiqa
from iqabench_iqa_ma_agiqa.resize import resize_cubic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iqabench import LoadContext, Scorer

PROMPT = f"USER: {{question}}\n{IMAGE} ASSISTANT:"
SEMANTIC_CONTENT = (
    "Evaluate the input image to determine if its quality is compromised due to a lack of meaningful semantic content."
)
COHERENCE = "Evaluate if the image quality is compromised due to violations of coherence."
FILES = {"agiqa-3k": "AGIQA_3k.pt", "aigcqa-20k": "AIGCQA_20k.pt"}


def load(context: LoadContext) -> Scorer:
    owl = load_owl(context)
    network = MaAgiqa.empty(read_config(context.weights["ma-agiqa.json"], Config))
    width = owl.network.config.language.hidden_size
    if network.config.semantic != width:
        raise WeightsError(f"mPLUG-Owl2's features are {width} wide, and MA-AGIQA expects {network.config.semantic}.")
    load_weights(network, context.weights[FILES[str(context.params["weights"])]])
    network.drop_unused()
    return MaAgiqaScorer(owl, network.to(context.device)).eval()


def load_weights(network: MaAgiqa, path: Path) -> None:
    """Fill ``network`` from an official file, a plain state."""
    state = strip_prefix(unwrap(read_checkpoint(path), "state_dict", "model"), "module.")
    load_strictly(network, state, path, assign=True)
    network.float().requires_grad_(False)


class MaAgiqaScorer(nn.Module):
    """Scores (N,) of images (N, 3, H, W), on the scale of the training set's opinions, not clamped."""

    def __init__(self, owl: Owl, network: MaAgiqa) -> None:
        super().__init__()
        self.see = owl.vision
        self.network = network
        self.semantic_content, self.coherence = (
            owl.prompt(PROMPT.format(question=question)) for question in (SEMANTIC_CONTENT, COHERENCE)
        )

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        scores = [self._score(images[piece]) for piece in self._pieces(images)]
        return torch.cat(scores) if scores else images.new_empty(0)

    def _pieces(self, images: Tensor) -> Iterator[slice]:
        """One image at a time on CPU, where more gain nothing."""
        height, width = images.shape[-2:]
        if images.device.type != "cpu":
            return batches(len(images), 2 * self.see.tokens(height, width))
        return (slice(at, at + 1) for at in range(len(images)))

    def _score(self, images: Tensor) -> Tensor:
        pixels = resize_cubic(images, self.network.config.side) * 2 - 1
        scores: Tensor = self.network(pixels, *self.features(images))
        return scores

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What mPLUG-Owl2 makes of the questions about semantic content and coherence: (N, C) each."""
        sight = self.see(images)
        return self.semantic_content.mean_state(sight), self.coherence.mean_state(sight)
