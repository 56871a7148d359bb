"""CLIP-IQA: the probability that an image is a good photo, where the other choice is a bad one.

Wang, Chan, Loy, "Exploring CLIP for Assessing the Look and Feel of Images", AAAI 2023, eq. 2 and 3: a softmax over
the scaled cosine similarities with two opposite prompts. Images are taken at their own size, which CLIP's network
allows once its positional embedding is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from iqabench.ops.batch import one_by_one
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap
from iqabench_iqa_clipiqa.clip import Clip, ResNet
from iqabench_iqa_clipiqa.prompts import PAIRS, tokenize

if TYPE_CHECKING:
    from pathlib import Path

    from iqabench import LoadContext, Scorer

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def load(context: LoadContext) -> Scorer:
    (path,) = context.weights.values()
    clip = load_clip(path).eval().to(context.device)
    prompts = [prompt for pair in PAIRS[str(context.params["prompts"])] for prompt in pair]
    texts = normalize(torch.stack([clip.encode_text(tokenize(prompt)) for prompt in prompts]), dim=-1)
    visual = clip.visual.to(context.dtype)
    if context.device.type == "cpu":  # where convolutions are half as fast again with the channels innermost
        visual.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs ask for more
    return ClipIqa(visual, clip.logit_scale.exp() * texts).eval()


def load_clip(path: Path) -> Clip:
    """The network of a checkpoint in OpenAI's layout, in float32."""
    with torch.device("meta"):
        clip = Clip()
    clip.to_empty(device="cpu")  # every one of its tensors is then loaded
    load_strictly(clip, unwrap(read_checkpoint(path), "state_dict"), path)
    return clip


class ClipIqa(nn.Module):
    """``texts`` are the prompts' unit vectors times the scale of the logits, good and bad by turns, (2 P, 1024)."""

    mean: Tensor
    std: Tensor
    texts: Tensor

    def __init__(self, visual: ResNet, texts: Tensor) -> None:
        super().__init__()
        self.visual = visual
        self.register_buffer("mean", torch.tensor(MEAN, device=texts.device).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD, device=texts.device).view(3, 1, 1))
        self.register_buffer("texts", texts)

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        return one_by_one(self._score, images)

    def _score(self, images: Tensor) -> Tensor:
        normalised = ((images - self.mean) / self.std).to(self.visual.conv1.weight.dtype)
        features: Tensor = self.visual(normalised).float()
        logits = normalize(features, dim=-1) @ self.texts.mT
        return logits.view(len(images), -1, 2).softmax(dim=-1)[..., 0].mean(dim=1)
