"""The whole network: an image's tokens, and what the language model makes of them among words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from iqabench.lmm.mplug_owl2.abstractor import VisualAbstractor
from iqabench.lmm.mplug_owl2.config import MplugOwl2Config
from iqabench.lmm.mplug_owl2.language import Layer, Place, rms_norm
from iqabench.lmm.mplug_owl2.vision import VisionModel


@dataclass(frozen=True, slots=True)
class States:
    """The last hidden states of all tokens, after the final norm: (N, T, C)."""

    last_hidden_state: Tensor


class Body(nn.Module):
    """All but the head, under the names of the official checkpoints; called as the decoders of transformers are."""

    def __init__(self, config: MplugOwl2Config) -> None:
        super().__init__()
        self.config = language = config.language
        self.embed_tokens = nn.Embedding(language.vocab_size, language.hidden_size)
        self.layers = nn.ModuleList(Layer(language, number) for number in range(language.num_hidden_layers))
        self.norm = rms_norm(language)
        self.vision_model = VisionModel(config.vision)
        self.visual_abstractor = VisualAbstractor(config.abstractor, language.hidden_size)

    def forward(
        self,
        inputs_embeds: Tensor,
        position_ids: Tensor,
        image_mask: Tensor,
        past_key_values: Any = None,
        use_cache: bool = True,  # noqa: ARG002 (as transformers' decoders have it)
    ) -> States:
        """Tokens (N, T, C) at positions (N, T), those of ``image_mask`` (T,) an image's, after those in the cache."""
        past = 0 if past_key_values is None else int(past_key_values.get_seq_length())
        at = Place.of(inputs_embeds, position_ids, image_mask, past, self.config)
        x = inputs_embeds
        for layer in self.layers:
            x = layer(x, at, past_key_values)
        return States(self.norm(x))


class MplugOwl2(nn.Module):
    """mPLUG-Owl2: ``see`` images, and put their tokens among the embeddings of words into ``model``."""

    def __init__(self, config: MplugOwl2Config | None = None) -> None:
        super().__init__()
        self.config = config or MplugOwl2Config()
        self.model = Body(self.config)
        self.lm_head = nn.Linear(self.config.language.hidden_size, self.config.language.vocab_size, bias=False)

    def see(self, pixels: Tensor) -> Tensor:
        """The tokens of images: (N, 3, S, S), normalised -> (N, queries + 1, C)."""
        tokens: Tensor = self.model.visual_abstractor(self.model.vision_model(pixels))
        return tokens

    def forward(self, pixels: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """The logits of what follows an image between words, read as plain code reads them: (N, 3, S, S) and the
        tokens of the words before and after it, (T,) each -> (N, vocabulary)."""
        image = self.see(pixels)
        words = [self.model.embed_tokens(some)[None].expand(len(image), -1, -1) for some in (before, after)]
        tokens = torch.cat([words[0], image, words[1]], dim=1)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        mask = (places >= len(before)) & (places < len(before) + image.shape[1])
        states = self.model(tokens, places.expand(len(image), -1), mask).last_hidden_state
        logits: Tensor = self.lm_head(states[:, -1])
        return logits
