"""The questions of AU-IQA put to LLaVA-v1.6-Mistral-7B, one group of weights each.

Liu et al., "Improved Baselines with Visual Instruction Tuning", arXiv:2310.03744, and "LLaVA-NeXT: Improved
reasoning, OCR, and world knowledge", 2024; https://github.com/haotian-liu/LLaVA. The network is that of transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from iqabench.compat.clip import DEVIATION, MEAN
from iqabench.compat.libraries import import_library
from iqabench.errors import WeightsError
from iqabench.lmm.adapters import merge_adapter
from iqabench.lmm.checkpoints import build_empty, fill, place_of, read_state, renamed, settings_of
from iqabench.lmm.decoding import Language, Prompt, Sight
from iqabench.lmm.levels import LEVELS
from iqabench.lmm.prompts import GROUPS, ask_number
from iqabench.lmm.quantise import quantise
from iqabench.lmm.scorers import LevelScorer, NumberScorer, scorer_of
from iqabench.lmm.tokens import Tokenizer, one_token, read_tokenizer
from iqabench.weights.config import read_json
from iqabench_iqa_llava16.tiles import Size, best_resolution, cut, joined, kept_map

if TYPE_CHECKING:
    from iqabench import LoadContext

IMAGE, START, END = "<image>", "<s>", "</s>"
PROMPT = "[INST] <image>\n{question} [/INST]"


class Vision(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> what the language model reads of them, tile by tile.

    ``model`` is transformers' LlavaNextModel. Layers of its tower behind the one whose features are used are dropped.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Any, processor: Mapping[str, Any]) -> None:
        super().__init__()
        config = model.config
        self.tower, self.projector = model.vision_tower, model.multi_modal_projector
        self.newline = model.image_newline
        self.side = int(config.vision_config.image_size)
        self.map_side = self.side // int(config.vision_config.patch_size)
        self.allowed: list[Size] = [(int(rows), int(columns)) for rows, columns in config.image_grid_pinpoints]
        encoder = getattr(self.tower, "vision_model", self.tower).encoder
        layer = int(config.vision_feature_layer)
        encoder.layers = encoder.layers[: layer if layer >= 0 else len(encoder.layers) + 1 + layer]
        mean, deviation = processor.get("image_mean", MEAN), processor.get("image_std", DEVIATION)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Sight:
        size = (images.shape[-2], images.shape[-1])
        tiles = self.tiles(images).to(self.newline.dtype)
        seen = self.tower(tiles.flatten(0, 1)).last_hidden_state[:, 1:]  # without the class token
        features = self.projector(seen).view(*tiles.shape[:2], seen.shape[1], -1)
        return Sight(joined(features, self.newline, size, self._grid(size)))

    def tiles(self, images: Tensor) -> Tensor:
        """(N, 1 + tiles, 3, side, side), normalised."""
        return (cut(images, self.side, self.allowed) - self.mean) / self.deviation

    def tokens(self, height: int, width: int) -> int:
        """How many tokens an image of this size is read as."""
        rows, columns = (count * self.map_side for count in self._grid((height, width)))
        down, across = kept_map(height, width, rows, columns)
        return int(self.map_side**2 + (down.stop - down.start) * (across.stop - across.start + 1))

    def _grid(self, size: Size) -> Size:
        rows, columns = best_resolution(*size, self.allowed)
        return rows // self.side, columns // self.side


def build(config: Mapping[str, Any]) -> Any:
    """The network of a ``config.json``, its parameters on the meta device. Raises WeightsError."""
    transformers: Any = import_library("transformers")
    settings = settings_of(transformers.LlavaNextConfig, config, "LLaVA-v1.6")
    if settings.vision_feature_select_strategy != "default" or not isinstance(settings.vision_feature_layer, int):
        raise WeightsError("The config.json asks for other image features than LLaVA-v1.6 uses.")
    settings.tie_word_embeddings = False
    return build_empty(lambda: transformers.LlavaNextForConditionalGeneration(settings))


def rename(key: str, names: frozenset[str] = frozenset()) -> str:
    """A key of the official layout, or one as transformers writes it from 4.52 on, as the network has it.

    ``names`` are the network's own keys; its tower's names depend on the version of transformers.
    """
    for old, new in (
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model.language_model."),
        ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
        ("image_newline", "model.image_newline"),
    ):
        if key.startswith(old):
            key = f"{new}{key.removeprefix(old)}"
            break
    flat = key.replace("vision_tower.vision_model.", "vision_tower.")
    nested = flat.replace("vision_tower.", "vision_tower.vision_model.")
    return next((name for name in (flat, nested) if name in names), key)


def load(context: LoadContext, group: str) -> NumberScorer | LevelScorer:
    """The scorer of a group of AU-IQA, from the official checkpoint, a user's own, or with an adapter."""
    weights, params = context.weights, context.params
    network = build(read_json(weights["config.json"]))
    tokenizer = read_tokenizer(weights["tokenizer.json"])
    before, after = chat(tokenizer, ask_number(group), int(network.config.image_token_index))
    fitting = partial(rename, names=frozenset(network.state_dict()))
    where = place_of(weights)
    state = renamed(read_state(weights, context.dtype), fitting, where)
    fill(network, merge_adapter(state, weights, fitting), where)
    quantise(network.model.language_model, int(params["bits"]))
    network.to(context.device)
    vision = Vision(network.model, read_json(weights["preprocessor_config.json"])).to(context.device)
    prompt = Prompt(Language.of(network), before, after)
    return scorer_of(params, network, vision, prompt, tokenizer, words=LEVELS, ends=(one_token(tokenizer, END),))


def chat(tokenizer: Tokenizer, question: str, image_token: int) -> tuple[list[int], list[int]]:
    """The tokens before and after the image. Raises WeightsError where the tokenizer does not know the image's."""
    image = one_token(tokenizer, IMAGE)
    if image != image_token:
        raise WeightsError(
            f"{IMAGE} is token {image} to the tokenizer, and {image_token} to the network.",
            hint="Give the tokenizer that belongs to this very checkpoint.",
        )
    tokens = [one_token(tokenizer, START), *tokenizer.encode(PROMPT.format(question=question))]
    at = tokens.index(image)
    return tokens[:at], tokens[at + 1 :]


load_ugc, load_aigc, load_mixed = (partial(load, group=group) for group in GROUPS)
