"""LIQE: the quality whose description fits an image best, in expectation.

Zhang, Zhai, Wei, Yang, Ma, "Blind Image Quality Assessment via Vision-Language Correspondence: A Multitask
Learning Perspective", CVPR 2023. Windows of the image are compared with 495 descriptions, one for each quality,
scene and distortion; their cosine similarities, scaled and averaged over the windows, become probabilities
(eq. 2), and those of the five qualities the score (eq. 5), 1 to 5.

An image with fewer windows than asked for is judged by all it has; the authors' code refuses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from iqabench.ops.batch import one_by_one
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_iqa_liqe.clip import Clip, Perceptron, VisionTransformer
from iqabench_iqa_liqe.prompts import DISTORTIONS, QUALITIES, SCENES, PromptTree, describe, describe_quality
from iqabench_iqa_liqe.windows import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from iqabench import LoadContext, Scorer

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def load(context: LoadContext) -> Scorer:
    (path,) = context.weights.values()
    clip = load_clip(path).to(context.device)
    few = context.params["weights"] == "koniq"
    descriptions = encode_qualities(clip) if few else encode_descriptions(clip)
    layout = Layout(int(context.params["windows"]), official=context.params["preprocess"] == "official")
    return Liqe(clip.visual.to(context.dtype), clip.logit_scale.exp() * descriptions, layout).eval()


def load_clip(path: Path) -> Clip:
    """The network of a checkpoint in the authors' layout, or in that of pyiqa, in float32."""
    state = strip_prefix(unwrap(read_checkpoint(path), "params"), "clip_model.")
    with torch.device("meta"):
        clip = Clip()
    clip.to_empty(device="cpu")  # every one of its tensors is then loaded
    load_strictly(clip, state, path)
    for part in clip.modules():
        if isinstance(part, Perceptron):
            part.merge()
    return clip


def encode_descriptions(clip: Clip) -> Tensor:
    """The unit vector of each description: (5 qualities, 9 scenes, 11 distortions, 512)."""
    shape = (len(QUALITIES), len(DISTORTIONS), -1)
    of_scenes = [
        clip.encode_text(
            PromptTree.of([describe(quality, scene, distortion) for quality in QUALITIES for distortion in DISTORTIONS])
        ).view(shape)
        for scene in SCENES
    ]
    return normalize(torch.stack(of_scenes, dim=1), dim=-1)


def encode_qualities(clip: Clip) -> Tensor:
    """The unit vectors of the prompts about quality only, of the same four dimensions: (5, 1, 1, 512)."""
    prompts = PromptTree.of([describe_quality(quality) for quality in QUALITIES])
    return normalize(clip.encode_text(prompts), dim=-1)[:, None, None]


class Liqe(nn.Module):
    """CLIP's image tower, and the descriptions as its text tower has encoded them once and for all, times the
    scale of the logits."""

    mean: Tensor
    std: Tensor
    grades: Tensor
    descriptions: Tensor

    def __init__(self, visual: VisionTransformer, descriptions: Tensor, layout: Layout) -> None:
        super().__init__()
        self.visual = visual
        self.layout = layout
        device = descriptions.device
        self.register_buffer("mean", torch.tensor(MEAN, device=device).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD, device=device).view(3, 1, 1))
        self.register_buffer("grades", torch.arange(1.0, len(QUALITIES) + 1, device=device))
        self.register_buffer("descriptions", descriptions)

    def forward(self, images: Tensor, references: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        return one_by_one(self._score, images)

    def _score(self, images: Tensor) -> Tensor:
        return self.probabilities(self.encode(images)).sum(dim=(2, 3)) @ self.grades

    def encode(self, images: Tensor) -> Tensor:
        """The unit vector of each window: (N, windows, 512)."""
        windows = (self.layout.cut(images) - self.mean) / self.std
        features: Tensor = self.visual(windows.flatten(0, 1).to(self.visual.proj.dtype)).float()
        return normalize(features, dim=-1).view(*windows.shape[:2], -1)

    def probabilities(self, features: Tensor) -> Tensor:
        """How probable each description is of each image: (N, 5 qualities, 9 scenes, 11 distortions)."""
        # Being linear in the windows' unit vectors, the mean of the logits is the logit of their mean.
        logits = features.mean(dim=1) @ self.descriptions.flatten(0, 2).mT
        return logits.softmax(dim=-1).view(-1, *self.descriptions.shape[:3])
