"""mPLUG-Owl2 loaded from its files, with what it needs to see images and to read questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from iqabench.lmm.adapters import merge_adapter
from iqabench.lmm.checkpoints import build_empty, fill, place_of, read_state
from iqabench.lmm.decoding import Language, Prompt, Sight
from iqabench.lmm.levels import LEVELS, level_tokens
from iqabench.lmm.mplug_owl2.config import read_owl_config
from iqabench.lmm.mplug_owl2.network import MplugOwl2
from iqabench.lmm.mplug_owl2.preprocess import prepare
from iqabench.lmm.quantise import quantise
from iqabench.lmm.scorers import LevelScorer
from iqabench.lmm.tokens import Tokenizer, read_tokenizer

if TYPE_CHECKING:
    from iqabench.types import LoadContext

IMAGE = "<|image|>"
"""Where the image stands in a prompt; no token of the vocabulary."""
RATE = f"USER: How would you rate the {{task}} of this image?\n{IMAGE}\nASSISTANT: The {{task}} of the image is"
"""What Q-Align and DeQA-Score ask; ``task`` is quality, or aesthetics."""


class Vision(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> what the language model reads of them."""

    def __init__(self, network: MplugOwl2) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Sight:
        pixels = prepare(images, self.network.config.vision.image_size)
        return Sight(self.network.see(pixels.to(self.network.lm_head.weight.dtype)))

    def tokens(self, height: int, width: int) -> int:  # noqa: ARG002 (every image becomes as many)
        """How many tokens an image costs: those of the tower are more than those of the language model."""
        return self.network.config.vision.tokens


@dataclass(frozen=True, slots=True)
class Owl:
    """The network, how it sees, and its tokenizer."""

    network: MplugOwl2
    vision: Vision
    tokenizer: Tokenizer

    def prompt(self, text: str, *, reuse: bool = True) -> Prompt:
        """A prompt with one IMAGE in it. The words on either side are cut into tokens by themselves, after the mark
        of the beginning."""
        before, after = (self.tokenizer.encode(words) for words in text.split(IMAGE))
        language = Language(
            self.network.model.embed_tokens, self.network.model, self.network.lm_head, marks_images=True
        )
        start = self.network.config.language.bos_token_id
        return Prompt(language, [start, *before], after, reuse=reuse)

    def levels(self) -> tuple[int, ...]:
        """The tokens of the five levels, best first."""
        return level_tokens(self.tokenizer, LEVELS)


def load_owl(context: LoadContext) -> Owl:
    """The network from ``config.json``, ``tokenizer.model`` and a checkpoint in any shards, perhaps with an adapter;
    with the parameter BITS."""
    weights = context.weights
    config = read_owl_config(weights["config.json"])
    tokenizer = read_tokenizer(weights["tokenizer.model"])
    network = build_empty(lambda: MplugOwl2(config))
    state = merge_adapter(read_state(weights, context.dtype), weights)
    fill(network, state, place_of(weights))
    quantise(network.model.layers, int(context.params["bits"]))
    network.to(context.device)
    return Owl(network, Vision(network).eval(), tokenizer)


def level_scorer(owl: Owl, text: str) -> LevelScorer:
    """The expected grade of what follows the prompt ``text``."""
    return LevelScorer(owl.network, owl.vision, owl.prompt(text), levels=owl.levels()).eval()
