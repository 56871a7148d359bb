"""The descriptions among which LIQE chooses, as CLIP's tokens; and prompts woven into a tree.

CLIP cuts text into words first, then each word into tokens, so a prompt's tokens are those of its words, and the
few words of LIQE need no tokenizer. The ids are those of OpenAI's vocabulary (``bpe_simple_vocab_16e6``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

QUALITIES = ("bad", "poor", "fair", "good", "perfect")
SCENES = ("animal", "cityscape", "human", "indoor", "landscape", "night", "plant", "still_life", "others")
DISTORTIONS = (
    "jpeg2000 compression",
    "jpeg compression",
    "noise",
    "blur",
    "color",
    "contrast",
    "overexposure",
    "underexposure",
    "spatial",
    "quantization",
    "other",
)

START, END = 49406, 49407
# fmt: off
TOKENS: dict[str, tuple[int, ...]] = {
    "a": (320,), "photo": (1125,), "of": (539,), "with": (593,), "artifacts": (30249,), ",": (267,),
    "which": (1448,), "is": (533,), "quality": (3027,),
    "bad": (2103,), "poor": (3665,), "fair": (2849,), "good": (886,), "perfect": (1878,),
    "animal": (4668,), "cityscape": (40808,), "human": (2751,), "indoor": (9546,), "landscape": (5727,),
    "night": (930,), "plant": (3912,), "still_life": (1170, 318, 970), "others": (3326,),
    "jpeg2000": (73, 11207, 273, 271, 271, 271), "jpeg": (73, 11207), "compression": (25638,), "noise": (9307,),
    "blur": (27976,), "color": (3140,), "contrast": (18501,), "overexposure": (8649, 13002, 35539),
    "underexposure": (21675, 87, 35539), "spatial": (22022,), "quantization": (31540, 3683), "other": (1010,),
}
# fmt: on


def describe(quality: str, scene: str, distortion: str) -> str:
    return f"a photo of a {scene} with {distortion} artifacts, which is of {quality} quality"


def describe_quality(quality: str) -> str:
    """The shorter prompt of the weights that were trained on KonIQ-10k alone."""
    return f"a photo with {quality} quality"


def tokenize(prompt: str) -> list[int]:
    """The token ids of a prompt made of the words of ``TOKENS``, from start to end mark, not padded."""
    words = prompt.replace(",", " ,").split()
    return [START, *(token for word in words for token in TOKENS[word]), END]


@dataclass(frozen=True, slots=True)
class PromptTree:
    """Prompts that share their beginnings, as one sequence in which every beginning occurs once.

    CLIP's text attention is causal, so what it makes of a token depends only on the tokens before it: where two
    prompts begin alike, so do their activations. ``tokens`` and ``positions`` are (L,); ``sees`` (L, L) says which
    tokens lie on the way to a token; ``ends`` (P,) is where each prompt ends.
    """

    tokens: Tensor
    positions: Tensor
    sees: Tensor
    ends: Tensor

    @classmethod
    def of(cls, prompts: Sequence[str]) -> PromptTree:
        nodes: dict[tuple[int, ...], int] = {}
        ends = []
        for prompt in prompts:
            tokens = tuple(tokenize(prompt))
            for length in range(1, len(tokens) + 1):
                nodes.setdefault(tokens[:length], len(nodes))
            ends.append(nodes[tokens])
        sees = torch.zeros(len(nodes), len(nodes), dtype=torch.bool)
        for path, index in nodes.items():
            sees[index, [nodes[path[:length]] for length in range(1, len(path) + 1)]] = True
        return cls(
            tokens=torch.tensor([path[-1] for path in nodes]),
            positions=torch.tensor([len(path) - 1 for path in nodes]),
            sees=sees,
            ends=torch.tensor(ends),
        )
