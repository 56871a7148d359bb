"""The Recognize Anything Model as a tagger (Zhang et al., arXiv:2306.03514), adapted to degraded photos.

A Swin transformer makes tokens of the image; every tag's embedding attends to them, and gives one logit. The
adaptation, DAPE, is SeeSR's (Wu et al., CVPR 2024, arXiv:2311.16518). Attributes are named as in the official
checkpoint, but for the Swin, which is timm's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, relu, scaled_dot_product_attention

from iqabench.compat.imagenet import DEVIATION, MEAN
from iqabench.compat.timm import create_network
from iqabench.errors import WeightsError
from iqabench.weights.safe import load_strictly, read_checkpoint, require_keys, unwrap
from iqabench_enhancer_osediff.config import RamConfig

EPS = 1e-12
_UNUSED = re.compile(
    r"(tag_encoder|text_decoder|tagging_head\.embeddings)\.|tagging_head\.encoder\.layer\.\d+\.attention\."
    r"|\.(relative_position_index|attn_mask)$"
)
"""Of RAM's checkpoint: what captions images, and tables that follow from the window."""
_SHARING = ("tagging_head", "tag_encoder")
"""The captioner's encoder has the tagging head's weights, but adapters of its own: when the official code makes
ready for inference, it adds both to the weights that the two share. So both are added here."""


class CrossAttention(nn.Module):
    """BERT's attention of ``hidden`` channels to tokens of ``embedding`` channels, and the norm after it."""

    def __init__(self, config: RamConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.self = nn.Module()
        self.self.query = nn.Linear(config.hidden, config.hidden)
        self.self.key = nn.Linear(config.embedding, config.hidden)
        self.self.value = nn.Linear(config.embedding, config.hidden)
        self.output = AddAndNorm(config.hidden, config.hidden)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        q, k, v = (
            projection(source).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, source in zip(self.self.children(), (x, tokens, tokens), strict=True)
        )
        result: Tensor = self.output(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2), x)
        return result


class AddAndNorm(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.LayerNorm = nn.LayerNorm(outputs, eps=EPS)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        result: Tensor = self.LayerNorm(self.dense(x) + residual)
        return result


class TaggingLayer(nn.Module):
    """A BERT layer without self-attention: tags do not see each other."""

    def __init__(self, config: RamConfig) -> None:
        super().__init__()
        self.crossattention = CrossAttention(config)
        self.intermediate = nn.Module()
        self.intermediate.dense = nn.Linear(config.hidden, config.intermediate)
        self.output = AddAndNorm(config.intermediate, config.hidden)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        x = self.crossattention(x, tokens)
        result: Tensor = self.output(gelu(self.intermediate.dense(x)), x)  # type: ignore[operator]
        return result


class Ram(nn.Module):
    """Images (N, 3, H, W) in [0, 1] -> a logit for every tag, (N, tags)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: RamConfig) -> None:
        super().__init__()
        self.size = config.image_size
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)
        self.visual_encoder = create_network(
            "swin_large_patch4_window12_384",
            num_classes=0,
            img_size=config.image_size,
            window_size=config.window_size,
            embed_dim=config.embed_dim,
            depths=config.depths,
            num_heads=config.num_heads,
        )
        self.image_proj = nn.Linear(config.vision_width, config.embedding)
        self.label_embed = nn.Parameter(torch.zeros(config.tags, config.embedding))
        self.wordvec_proj = nn.Linear(config.embedding, config.hidden)
        self.tagging_head = nn.Module()
        self.tagging_head.encoder = nn.Module()
        self.tagging_head.encoder.layer = nn.ModuleList(TaggingLayer(config) for _ in range(config.layers))
        self.fc = nn.Linear(config.hidden, 1)

    def embed(self, images: Tensor) -> Tensor:
        """(N, 1 + tokens, embedding): the mean of the image's tokens, then each of them.

        Images are resized without antialiasing, as torchvision did to tensors when the official code was written.
        """
        small = interpolate(images.float(), (self.size, self.size), mode="bilinear", align_corners=False)
        small = ((small - self.mean) / self.deviation).to(self.fc.weight.dtype)
        features = self.visual_encoder.forward_features(small)  # type: ignore[operator]
        tokens = features.flatten(1, 2)
        embedded: Tensor = self.image_proj(torch.cat((tokens.mean(dim=1, keepdim=True), tokens), dim=1))
        return embedded

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images)
        x = relu(self.wordvec_proj(self.label_embed)).expand(len(tokens), -1, -1)
        for layer in self.tagging_head.encoder.layer:  # type: ignore[union-attr]
            x = layer(x, tokens)
        logits: Tensor = self.fc(x)[..., 0]
        return logits


class Tagger(nn.Module):
    """Says what images show: the tags whose probability is over each one's own threshold, joined by commas."""

    thresholds: Tensor

    def __init__(self, network: Ram, tags: list[str], thresholds: list[float]) -> None:
        super().__init__()
        self.network = network
        self.tags = tags
        self.register_buffer("thresholds", torch.tensor(thresholds))

    def forward(self, images: Tensor) -> list[str]:
        found = self.network(images).sigmoid() > self.thresholds
        return [", ".join(tag for tag, on in zip(self.tags, row, strict=True) if on) for row in found.tolist()]


def load_tagger(config: RamConfig, weights: Mapping[str, Path]) -> Tagger:
    """From the files of RAM, of DAPE, of the tags and of their thresholds, on the CPU in eval mode."""
    network = Ram(config)
    load_ram(network, config, weights["ram_swin_large_14m.pth"], weights["DAPE.pth"])
    tags = _lines(weights["ram_tag_list.txt"], config)
    try:
        thresholds = [float(line) for line in _lines(weights["ram_tag_list_threshold.txt"], config)]
    except ValueError as error:
        raise WeightsError(
            f"{weights['ram_tag_list_threshold.txt']} holds a line that is no number: {error}."
        ) from error
    return Tagger(network, tags, thresholds).eval().requires_grad_(False)


def load_ram(network: Ram, config: RamConfig, path: Path, dape: Path) -> None:
    """Fill ``network`` from RAM's checkpoint and merge DAPE's adapters, of alpha 1. Raises KeysMismatch.

    Other weights that DAPE's file holds replace RAM's, as in the official code.
    """
    official = {
        re.sub(r"^vision_multi\.", "tagging_head.", key): value
        for key, value in unwrap(read_checkpoint(path), "model").items()
    }
    adapters = unwrap(read_checkpoint(dape))
    wanted = layout(config)
    changed = {key: value for key, value in adapters.items() if key in official}
    told = {k: v for k, v in adapters.items() if k in wanted or not (k in changed or _UNUSED.search(k))}
    require_keys(told, wanted, dape)
    state = {key: value for key, value in {**official, **changed}.items() if not _UNUSED.search(key)}
    load_strictly(network, _timm_names(state, len(config.depths)), path)
    with torch.no_grad():
        for name in [key.removesuffix(".lora_A") for key in wanted if key.endswith(".lora_A")]:
            weight = network.get_parameter(f"{name.replace(_SHARING[1], _SHARING[0])}.weight")
            down, up = adapters[f"{name}.lora_A"].float(), adapters[f"{name}.lora_B"].float()
            parts = weight.chunk(3)[::2] if name.endswith(".qkv") else (weight,)  # query and value are adapted
            for part, a, b in zip(parts, down.chunk(len(parts)), up.chunk(len(parts)), strict=True):
                part.add_(b @ a / config.rank)


def layout(config: RamConfig) -> dict[str, tuple[int, ...]]:
    """The keys and shapes of those of DAPE's adapters that matter to tags."""
    wanted: dict[str, tuple[int, ...]] = {}
    for stage, depth in enumerate(config.depths):
        width = config.embed_dim * 2**stage
        for block in range(depth):
            name = f"visual_encoder.layers.{stage}.blocks.{block}.attn.qkv"
            wanted[f"{name}.lora_A"] = (2 * config.rank, width)
            wanted[f"{name}.lora_B"] = (2 * width, config.rank)
    heads = [f"{owner}.encoder.layer.{layer}" for owner in _SHARING for layer in range(config.layers)]
    for head in heads:
        for part, inputs in (("query", config.hidden), ("key", config.embedding)):
            name = f"{head}.crossattention.self.{part}"
            wanted[f"{name}.lora_A"] = (config.rank, inputs)
            wanted[f"{name}.lora_B"] = (config.hidden, config.rank)
    return wanted


def _timm_names(state: Mapping[str, Tensor], stages: int) -> dict[str, Tensor]:
    """timm puts what halves the resolution at the beginning of a stage, and the official code at the end."""

    def renamed(key: str) -> str:
        for stage in range(stages - 1):
            before, after = (f"visual_encoder.layers.{at}.downsample." for at in (stage, stage + 1))
            if key.startswith(before):
                return key.replace(before, after)
        return key

    return {renamed(key): value for key, value in state.items()}


def _lines(path: Path, config: RamConfig) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} is no text that can be read: {error}.") from error
    if len(lines) != config.tags:
        raise WeightsError(f"{path} has {len(lines)} lines where RAM knows {config.tags} tags.")
    return lines
