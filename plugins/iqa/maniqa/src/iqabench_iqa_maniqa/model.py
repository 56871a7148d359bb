"""MANIQA as a scorer: crops of RGB in [0, 1] at its own size, whose places come from the image's seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iqabench.compat.imagenet import Normalise
from iqabench.compat.linear import quicken
from iqabench.weights.config import read_config
from iqabench.weights.safe import load_strictly, read_checkpoint, strip_prefix, unwrap
from iqabench_iqa_maniqa.crops import grid_crops, random_corners
from iqabench_iqa_maniqa.network import Config, Maniqa

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer

SCALES = {"koniq": 0.8, "kadid": 0.8, "pipal": 0.13}
AT_ONCE = 2  # crops on CPU, where more do not fit the cache; elsewhere all


def load(context: LoadContext) -> Scorer:
    files = dict(context.weights)
    config = read_config(files.pop("config.json"), Config)
    network = Maniqa(config, scale=SCALES[str(context.params["weights"])])
    (path,) = files.values()
    load_weights(network, path)
    network.settle()
    quicken(network, context.device, context.dtype)
    official = context.params["preprocess"] == "official"
    return ManiqaScorer(network, int(context.params["crops"]), official, context.dtype).eval().to(context.device)


def load_weights(network: Maniqa, path: Path) -> None:
    """Fill ``network`` from an official file, a state that may lie under ``params``."""
    state = strip_prefix(unwrap(read_checkpoint(path), "params", "state_dict"), "module.")
    load_strictly(network, state, path)


class ManiqaScorer(nn.Module):
    """Scores (N,) of images (N, 3, H, W): about 0..1, not clamped; of ``pipal`` too."""

    def __init__(self, network: Maniqa, crops: int, official: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        self.crops = crops
        self.official = official
        self.dtype = dtype

    def forward(self, images: Tensor, references: Tensor | None = None, *, seeds: Sequence[int]) -> Tensor:  # noqa: ARG002 (the Scorer protocol)
        # One image at a time: its crops fill a batch of their own.
        score = self._mean_of_crops if self.official else self._mean_of_patches
        return torch.stack([score(image, seed) for image, seed in zip(images, seeds, strict=True)])

    def _mean_of_crops(self, image: Tensor, seed: int) -> Tensor:
        side = self.network.config.image
        corners, times = random_corners(image.shape[-2], image.shape[-1], side, self.crops, seed)
        crops = torch.stack([image[:, y : y + side, x : x + side] for y, x in corners.tolist()])
        scores, weights = self.patches(crops)
        each = (scores * weights).sum(dim=1) / weights.sum(dim=1)
        return each @ times.to(each) / self.crops

    def _mean_of_patches(self, image: Tensor, seed: int) -> Tensor:  # noqa: ARG002 (nothing is drawn)
        scores, weights = self.patches(grid_crops(image, self.network.config.image, self.crops))
        return (scores * weights).sum() / (weights.sum() + 1e-8)

    def patches(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, 224, 224) in [0, 1] -> the score and the weight of each patch, (N, L) both."""
        step = AT_ONCE if crops.device.type == "cpu" else len(crops)
        with torch.autocast(crops.device.type, self.dtype, enabled=self.dtype != torch.float32):
            parts = [self.network(self.normalise(some)) for some in torch.split(crops, step)]
        scores, weights = (torch.cat(part).float() for part in zip(*parts, strict=True))
        return scores, weights
