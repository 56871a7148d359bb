"""Qwen2-VL as a reader of images: Wang et al., arXiv:2409.12191; https://github.com/QwenLM/Qwen2-VL.

An image is resized to whole patches of 28 pixels a side, and as many tokens as it has patches go where it stands in
the prompt, with positions that count time, rows and columns. The network is that of transformers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from iqabench.compat.clip import DEVIATION, MEAN
from iqabench.compat.libraries import import_library
from iqabench.compat.pillow import BICUBIC, resize
from iqabench.errors import ImageError, WeightsError
from iqabench.lmm.adapters import merge_adapter
from iqabench.lmm.checkpoints import build_empty, fill, place_of, read_state, renamed, settings_of
from iqabench.lmm.decoding import Language, Prompt, Sight
from iqabench.lmm.quantise import quantise
from iqabench.lmm.tokens import Tokenizer, one_token, read_tokenizer
from iqabench.weights.config import read_json

if TYPE_CHECKING:
    from iqabench.types import LoadContext

LONGEST_RATIO = 200
"""An image longer than this many times its other side is refused, as the official code does."""
BEFORE = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>"
AFTER = "<|vision_end|>{question}<|im_end|>\n<|im_start|>assistant\n"
END_MARKS = ("<|im_end|>", "<|endoftext|>")


@dataclass(frozen=True, slots=True)
class Resizing:
    """To which size an image is brought: whole patches of ``factor`` pixels, with an area within bounds."""

    factor: int
    min_pixels: int
    max_pixels: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) after resizing, as ``smart_resize`` of the official processor has it.

        Raises ImageError for an image of extreme proportions.
        """
        if max(height, width) > LONGEST_RATIO * min(height, width):
            raise ImageError(f"An image of {width}×{height} is longer than {LONGEST_RATIO} times its other side.")
        rows, columns = (round(side / self.factor) * self.factor for side in (height, width))
        if rows * columns > self.max_pixels:
            shrink = math.sqrt(height * width / self.max_pixels)
            rows, columns = (
                max(self.factor, math.floor(side / shrink / self.factor) * self.factor) for side in (height, width)
            )
        elif rows * columns < self.min_pixels:
            grow = math.sqrt(self.min_pixels / (height * width))
            rows, columns = (math.ceil(side * grow / self.factor) * self.factor for side in (height, width))
        return rows, columns


class Vision(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> what the language model reads of them."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, tower: nn.Module, config: Any, resizing: Resizing, processor: Mapping[str, Any]) -> None:
        super().__init__()
        self.tower = tower
        self.resizing = resizing
        self.patch, self.merge = config.patch_size, config.spatial_merge_size
        self.frames = config.temporal_patch_size
        for name, default in (("mean", MEAN), ("deviation", DEVIATION)):
            key = "image_mean" if name == "mean" else "image_std"
            self.register_buffer(name, torch.tensor(processor.get(key, default)).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Sight:
        pixels, grid = self.patches(images)
        rows, columns = (side // self.merge for side in grid)
        grids = torch.tensor([[1, *grid]] * len(images), device=images.device)
        result = self.tower(pixels.to(next(self.tower.parameters()).dtype), grid_thw=grids)
        features: Tensor = result if isinstance(result, Tensor) else result.pooler_output
        down, along = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        positions = torch.stack([torch.zeros_like(down), down, along]).flatten(1)
        embeddings = features.view(len(images), rows * columns, -1)
        return Sight(embeddings, positions, span=max(rows, columns))

    def patches(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """(N·P, 3·frames·patch²) normalised patches, those of one merged patch together, and the grid of patches."""
        images = resize(images, self.resizing.size(*images.shape[-2:]), BICUBIC)
        images = (images - self.mean) / self.deviation
        rows, columns = (side // self.patch for side in images.shape[-2:])
        merge, patch = self.merge, self.patch
        cut = images.view(len(images), 3, rows // merge, merge, patch, columns // merge, merge, patch)
        cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)  # image, merged row and column, row and column in it, colour, y, x
        still = cut.unsqueeze(-3).expand(*cut.shape[:6], self.frames, patch, patch)
        return still.reshape(len(images) * rows * columns, -1), (rows, columns)

    def tokens(self, height: int, width: int) -> int:
        """How many tokens an image of this size is read as."""
        height, width = self.resizing.size(height, width)
        return int(height * width // (self.patch * self.merge) ** 2)


def build(config: Mapping[str, Any]) -> Any:
    """The network of a ``config.json``, its parameters on the meta device. Raises WeightsError."""
    transformers: Any = import_library("transformers")
    settings = settings_of(transformers.Qwen2VLConfig, config, "Qwen2-VL")
    settings.tie_word_embeddings = False
    return build_empty(lambda: transformers.Qwen2VLForConditionalGeneration(settings))


def rename(key: str) -> str:
    """An official key, or one as transformers writes it from 4.52 on, as the network in memory has it."""
    if key.startswith(("model.visual.", "model.language_model.", "lm_head.")):
        return key
    if key.startswith("visual."):
        return f"model.{key}"
    return f"model.language_model.{key.removeprefix('model.')}" if key.startswith("model.") else key


@dataclass(frozen=True, slots=True)
class Qwen2VL:
    """The network loaded, with what it needs to see and to read."""

    network: nn.Module
    vision: Vision
    tokenizer: Tokenizer

    def prompt(self, question: str, *, reuse: bool = True) -> Prompt:
        """The chat in which a user shows an image and asks ``question``."""
        before, after = (self.tokenizer.encode(text) for text in (BEFORE, AFTER.format(question=question)))
        return Prompt(Language.of(self.network, axes=3), before, after, reuse=reuse)

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens that end an answer."""
        return tuple(one_token(self.tokenizer, mark) for mark in END_MARKS)


def load(context: LoadContext) -> Qwen2VL:
    """The network from the files of ``qwen2vl_files``, or a user's own, with the parameters MAX_PIXELS and BITS."""
    weights = context.weights
    network: Any = build(read_json(weights["config.json"]))
    tokenizer = read_tokenizer(weights["tokenizer.json"])
    for mark in ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", *END_MARKS):
        one_token(tokenizer, mark)
    where = place_of(weights)
    state = renamed(read_state(weights, context.dtype), rename, where)
    fill(network, merge_adapter(state, weights, rename), where)
    quantise(network.model.language_model, int(context.params["bits"]))
    processor = read_json(weights["preprocessor_config.json"])
    config = network.config.vision_config
    resizing = _resizing(processor, config.patch_size * config.spatial_merge_size, int(context.params["max_pixels"]))
    vision = Vision(network.model.visual, config, resizing, processor)
    network.to(context.device)
    return Qwen2VL(network, vision.to(context.device).eval(), tokenizer)


def _resizing(processor: Mapping[str, Any], factor: int, most: int) -> Resizing:
    size = processor.get("size") or {}
    try:
        low = int(processor.get("min_pixels") or size["shortest_edge"])
        high = int(processor.get("max_pixels") or size["longest_edge"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError("The preprocessor_config.json has no min_pixels and max_pixels.") from error
    return Resizing(factor, low, min(high, most) if most else high)
