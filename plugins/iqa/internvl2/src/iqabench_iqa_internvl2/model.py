"""The questions of AU-IQA put to InternVL2-8B, one group of weights each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from iqabench.compat.imagenet import DEVIATION, MEAN
from iqabench.errors import WeightsError
from iqabench.lmm.adapters import merge_adapter
from iqabench.lmm.checkpoints import fill, place_of, read_state
from iqabench.lmm.decoding import Language, Prompt, Sight
from iqabench.lmm.levels import CAPITAL_LEVELS
from iqabench.lmm.prompts import GROUPS, ask_number
from iqabench.lmm.quantise import quantise
from iqabench.lmm.scorers import LevelScorer, NumberScorer, scorer_of
from iqabench.lmm.tokens import Tokenizer, one_token, read_tokenizer
from iqabench.weights.config import read_json
from iqabench_iqa_internvl2.network import build, convert
from iqabench_iqa_internvl2.tiles import cut, grid

if TYPE_CHECKING:
    from iqabench import LoadContext

SYSTEM = "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, 是一个有用无害的人工智能助手。"
BEFORE = f"<|im_start|>system\n{SYSTEM}<|im_end|><|im_start|>user\n<img>"
AFTER = "</img>\n{question}<|im_end|><|im_start|>assistant\n"
START, END = "<s>", "</s>"
MARKS = ("<|im_start|>", "<|im_end|>", "<img>", "</img>")


class Vision(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> what the language model reads of their tiles, of at most ``most`` and one."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: nn.Module, config: Mapping[str, Any], most: int) -> None:
        super().__init__()
        self.model = model
        self.most = most
        self.least = int(config.get("min_dynamic_patch", 1))
        self.thumbnail = bool(config.get("use_thumbnail", True))
        vision = config["vision_config"]
        self.side = int(vision["image_size"])
        self.per_tile = int((self.side // int(vision["patch_size"]) * float(config.get("downsample_ratio", 0.5))) ** 2)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Sight:
        model: Any = self.model
        result = model.get_image_features(
            pixel_values=self.tiles(images).flatten(0, 1),
            vision_feature_layer=-1,
            vision_feature_select_strategy="default",
        )
        features: Tensor = result if isinstance(result, Tensor) else result.pooler_output
        return Sight(features.reshape(len(images), -1, features.shape[-1]))

    def tiles(self, images: Tensor) -> Tensor:
        """(N, tiles, 3, side, side), normalised."""
        tiles = cut(images, self.side, self.most, least=self.least, thumbnail=self.thumbnail)
        return (tiles - self.mean) / self.deviation

    def tokens(self, height: int, width: int) -> int:
        """How many tokens an image of this size is read as."""
        columns, rows = grid(height, width, self.side, self.most, self.least)
        tiles = columns * rows
        return self.per_tile * (tiles + (self.thumbnail and tiles > 1))


def load(context: LoadContext, group: str) -> NumberScorer | LevelScorer:
    """The scorer of a group of AU-IQA, from the official checkpoint, a user's own, or with an adapter."""
    weights, params = context.weights, context.params
    config = read_json(weights["config.json"])
    tokenizer = read_marked_tokenizer(weights)
    network = build(config)
    where = place_of(weights)
    state = merge_adapter(read_state(weights, context.dtype), weights)
    fill(network, convert(state, config, where), where)
    quantise(network.model.language_model, int(params["bits"]))
    vision = Vision(network.model, config, int(params["max_tiles"]))
    network.to(context.device)
    vision.to(context.device)
    start, end = (one_token(tokenizer, mark) for mark in (START, END))
    before = [start, *tokenizer.encode(BEFORE)]
    after = tokenizer.encode(AFTER.format(question=ask_number(group)))
    prompt = Prompt(Language.of(network), before, after)
    ends = (end, one_token(tokenizer, "<|im_end|>"))
    return scorer_of(params, network, vision, prompt, tokenizer, words=CAPITAL_LEVELS, ends=ends)


def read_marked_tokenizer(weights: Mapping[str, Path]) -> Tokenizer:
    """The SentencePiece model, and the marks that ``tokenizer_config.json`` adds to it. Raises WeightsError."""
    path = weights["tokenizer_config.json"]
    added = read_json(path).get("added_tokens_decoder")
    if not isinstance(added, dict):
        raise WeightsError(f"{path} has no added_tokens_decoder, which numbers the marks of the chat.")
    try:
        marks = {str(row["content"]): int(number) for number, row in added.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its added_tokens_decoder cannot be read.") from error
    tokenizer = read_tokenizer(weights["tokenizer.model"], marks=marks)
    for mark in (START, END, *MARKS):
        one_token(tokenizer, mark)
    return tokenizer


load_ugc, load_aigc, load_mixed = (partial(load, group=group) for group in GROUPS)
