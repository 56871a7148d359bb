"""The network of MANIQA (Yang et al., "MANIQA: Multi-dimension Attention Network for No-Reference Image Quality
Assessment", CVPR Workshops 2022). Attributes are named as in the official checkpoints.

Features of four blocks of a ViT-B/8 are mixed across channels (section 3.2), then across places (section 3.3), twice;
two heads give each patch a score and a weight (section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from iqabench.compat.linear import linear
from iqabench.compat.timm import create_network
from iqabench_iqa_maniqa.swin import ScaledSwin


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """``image`` is the side of a crop, ``taken`` the blocks of the ViT whose outputs are used, counted from 0;
    ``classes`` those of the ViT's own head, which is loaded and not used."""

    image: int = 224
    patch: int = 8
    width: int = 768
    depth: int = 12
    heads: int = 12
    classes: int = 1000
    taken: tuple[int, ...] = (6, 7, 8, 9)
    tabs: int = 2
    swin_depths: tuple[int, ...] = (2, 2)
    swin_heads: tuple[int, ...] = (4, 4)
    window: int = 4
    hidden: int = 768

    @property
    def side(self) -> int:
        """Patches along a side of the crop."""
        return self.image // self.patch


class TransposedAttention(nn.Module):
    """Channels (N, C, L) attend to one another, each described by its values at all places (eq. 2 of the paper)."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places
        self.c_q = nn.Linear(places, places)
        self.c_k = nn.Linear(places, places)
        self.c_v = nn.Linear(places, places)

    def merge(self) -> None:
        """Make one layer of those for queries and keys: (Q x + q) · (K y + k) is (Kᵀ Q x + Kᵀ q) · y, but for what
        is the same for all y and falls out of the softmax."""
        to_query, to_key = self.c_q.weight.double(), self.c_k.weight.double() * self.places**-0.5
        merged = nn.Linear(self.places, self.places, dtype=self.c_q.weight.dtype)
        merged.weight.copy_(to_key.mT @ to_query)
        merged.bias.copy_(to_key.mT @ self.c_q.bias.double())
        self.c_q, self.c_k = merged, nn.Identity()  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        # As large as the channels squared, but no slower than torch's own attention and, on CPU, more exact.
        parts = zip(self.c_q(x), self.c_k(x), self.c_v(x), strict=True)
        mixed = torch.stack([linear(linear(query, key).softmax(dim=-1), value.mT) for query, key, value in parts])
        # The official code transposes, then reads the numbers as if it had not; the weights were trained so.
        result: Tensor = x + mixed.mT.reshape(x.shape)
        return result


class Maniqa(nn.Module):
    """Crops (N, 3, 224, 224), normalised -> the score and the weight of each patch, (N, L) both."""

    def __init__(self, config: Config, *, scale: float) -> None:
        super().__init__()
        self.config = config
        half, places = config.width // 2, config.side**2
        self.vit = create_network(
            "vit_base_patch8_224",
            img_size=config.image,
            patch_size=config.patch,
            embed_dim=config.width,
            depth=config.depth,
            num_heads=config.heads,
            num_classes=config.classes,
        )
        self.tablock1 = nn.ModuleList(TransposedAttention(places) for _ in range(config.tabs))
        self.conv1 = nn.Conv2d(len(config.taken) * config.width, config.width, 1)
        self.swintransformer1 = self._swin(config.width, scale)
        self.tablock2 = nn.ModuleList(TransposedAttention(places) for _ in range(config.tabs))
        self.conv2 = nn.Conv2d(config.width, half, 1)
        self.swintransformer2 = self._swin(half, scale)
        self.fc_score = nn.Sequential(
            nn.Linear(half, half), nn.ReLU(), nn.Identity(), nn.Linear(half, 1), nn.ReLU()
        )  # the identity stands where training drops out
        self.fc_weight = nn.Sequential(
            nn.Linear(half, half), nn.ReLU(), nn.Identity(), nn.Linear(half, 1), nn.Sigmoid()
        )

    def _swin(self, channels: int, scale: float) -> ScaledSwin:
        config = self.config
        return ScaledSwin(
            channels, config.side, config.swin_depths, config.swin_heads, config.window, config.hidden, scale
        )

    def settle(self) -> None:
        """Drop what is never used, and work out what is the same for all images; to be called after loading."""
        blocks = self.vit.get_submodule("blocks")
        self.vit.blocks = nn.Sequential(*list(blocks.children())[: max(self.config.taken) + 1])
        self.vit.norm = self.vit.head = nn.Identity()
        for part in list(self.modules()):
            if isinstance(part, ScaledSwin):
                part.settle()
            elif isinstance(part, TransposedAttention):
                part.merge()

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.tokens(crops)
        return self.fc_score(tokens)[..., 0], self.fc_weight(tokens)[..., 0]

    def tokens(self, crops: Tensor) -> Tensor:
        """(N, L, 384): what both heads read."""
        channels = self.features(crops).mT.contiguous()
        tokens = self._stage(channels, self.tablock1, self.conv1, self.swintransformer1)
        return self._stage(tokens.mT.contiguous(), self.tablock2, self.conv2, self.swintransformer2)

    def features(self, crops: Tensor) -> Tensor:
        """(N, L, 4 · 768): the outputs of the ViT's blocks, without the class token."""
        maps: list[Tensor] = self.vit.forward_intermediates(  # type: ignore[operator]  # nn.Module's attributes
            crops,
            indices=list(self.config.taken),
            norm=False,
            stop_early=True,
            output_fmt="NLC",
            intermediates_only=True,
        )
        return torch.cat(maps, dim=2)

    @staticmethod
    def _stage(channels: Tensor, mixers: nn.ModuleList, reduce: nn.Conv2d, swin: ScaledSwin) -> Tensor:
        """(N, C, L) -> (N, L, C')."""
        for mixer in mixers:
            channels = mixer(channels)
        tokens: Tensor = swin(linear(channels.mT, reduce.weight.flatten(1), reduce.bias))
        return tokens
