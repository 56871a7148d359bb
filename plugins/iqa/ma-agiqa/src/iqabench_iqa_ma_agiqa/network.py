"""MA-AGIQA's own network (Wang et al., "Large Multi-modality Model Assisted AI-Generated Image Quality Assessment",
ACM MM 2024): MANIQA's body, and a mixture of three experts. Attributes are named as in the official checkpoint,
``AGIQA_3k.pt``, which holds much that is never computed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from iqabench.compat.torchvision import import_beside_torchvision
from iqabench_iqa_ma_agiqa.config import Config
from iqabench_iqa_ma_agiqa.swin import SwinTransformer

UNUSED = (
    "fc39_784",
    "encoder_layer",
    "fc_output",
    "fc4096_784_a",
    "fc4096_784_b",
    "quality",
    "fc784x3_1",
    "fc4096_1024_a",
    "fc4096_1024_b",
)


class TransposedAttention(nn.Module):
    """Channels attend to channels (MANIQA, eq. 2): (N, C, T) -> the same."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.c_q = nn.Linear(tokens, tokens)
        self.c_k = nn.Linear(tokens, tokens)
        self.c_v = nn.Linear(tokens, tokens)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.c_q(x) @ self.c_k(x).mT * x.shape[-1] ** -0.5
        mixed = logits.softmax(dim=-1) @ self.c_v(x)
        # The official code takes the transposed result as if it were not transposed: the weights were trained so.
        out: Tensor = mixed.mT.reshape(x.shape) + x
        return out


class MaAgiqa(nn.Module):
    """Scores images from what they look like and from what mPLUG-Owl2 makes of two questions about them."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        width, tokens = config.width, config.tokens
        self.vit = import_beside_torchvision("timm").create_model(
            "vit_base_patch8_224",
            pretrained=False,
            img_size=config.side,
            patch_size=config.patch,
            embed_dim=width,
            depth=config.vit_layers,
            num_heads=config.vit_heads,
        )
        self.tablock1 = nn.ModuleList(TransposedAttention(tokens) for _ in range(config.tabs))
        self.conv1 = nn.Conv2d(len(config.taps) * width, width, 1)
        self.swintransformer1 = SwinTransformer(config, width)
        self.tablock2 = nn.ModuleList(TransposedAttention(tokens) for _ in range(config.tabs))
        self.conv2 = nn.Conv2d(width, width // 2, 1)
        self.swintransformer2 = SwinTransformer(config, width // 2)
        self.fc_score = _head(width // 2, width // 2, 1, nn.ReLU())
        self.fc_weight = _head(width // 2, width // 2, 1, nn.Sigmoid())
        self.fc784_784 = nn.Linear(tokens, tokens)
        self.fc4096_784_a2 = nn.Sequential(nn.Linear(config.semantic, tokens), nn.ReLU())
        self.fc4096_784_b2 = nn.Sequential(nn.Linear(config.semantic, tokens), nn.ReLU())
        self.gating = nn.Linear(3 * tokens, 3)
        self.output_fc = nn.Linear(tokens, 1)
        self._add_unused()

    @classmethod
    def empty(cls, config: Config) -> MaAgiqa:
        """On the meta device, for a checkpoint's tensors to become its own."""
        with torch.device("meta"):
            return cls(config)

    def _add_unused(self) -> None:
        tokens, semantic = self.config.tokens, self.config.semantic
        self.fc39_784 = _head(39, 392, tokens, nn.Sigmoid())
        self.encoder_layer = nn.TransformerEncoderLayer(tokens, 8, dim_feedforward=2048)
        self.fc_output = _head(tokens, 392, 1)
        self.fc4096_784_a, self.fc4096_784_b = (nn.Linear(semantic, tokens) for _ in range(2))
        self.fc4096_1024_a, self.fc4096_1024_b = (nn.Linear(semantic, 1024) for _ in range(2))
        self.quality, self.fc784x3_1 = (nn.Sequential(nn.Linear(3 * tokens, 128), nn.Linear(128, 1)) for _ in range(2))

    def drop_unused(self) -> None:
        """Let go of what a checkpoint holds and no image needs, a quarter of it."""
        for name in UNUSED:
            delattr(self, name)
        for swin in (self.swintransformer1, self.swintransformer2):
            del swin.downsample
        self.vit.blocks = self.vit.blocks[: max(self.config.taps) + 1]
        self.vit.norm = self.vit.head = nn.Identity()

    def forward(self, pixels: Tensor, semantic: Tensor, coherence: Tensor) -> Tensor:
        """(N, 3, side, side) in [-1, 1], and mPLUG-Owl2's features (N, semantic) of the question about semantic
        content and of that about coherence -> (N,)."""
        return self.mix(self.look(pixels), semantic, coherence)

    def look(self, pixels: Tensor) -> Tensor:
        """The visual vector, a number a patch: (N, 3, side, side) -> (N, tokens)."""
        x = self.reduce(self.tokens(pixels)).flatten(2).mT
        visual: Tensor = self.fc784_784((self.fc_score(x) * self.fc_weight(x)).squeeze(2))
        return visual

    def tokens(self, pixels: Tensor) -> Tensor:
        """What the ViT's tapped layers make of each patch, side by side: (N, C, tokens)."""
        taps = self.vit.forward_intermediates(
            pixels, indices=list(self.config.taps), output_fmt="NLC", intermediates_only=True, stop_early=True
        )
        return torch.cat(taps, dim=2).mT

    def reduce(self, x: Tensor) -> Tensor:
        """(N, C, tokens) -> (N, width / 2, grid, grid)."""
        grid = self.config.grid
        stages = (
            (self.tablock1, self.conv1, self.swintransformer1),
            (self.tablock2, self.conv2, self.swintransformer2),
        )
        for blocks, convolution, swin in stages:
            x = x.flatten(2)
            for block in blocks:
                x = block(x)
            x = swin(convolution(x.view(*x.shape[:2], grid, grid)))
        return x

    def mix(self, visual: Tensor, semantic: Tensor, coherence: Tensor) -> Tensor:
        """The experts weighed: their weights are neither positive nor of sum one."""
        experts = torch.stack([self.fc4096_784_a2(semantic), self.fc4096_784_b2(coherence), visual], dim=1)
        weights = self.gating(experts.flatten(1))
        score: Tensor = self.output_fc((weights[..., None] * experts).sum(dim=1))
        return score.squeeze(1)


def _head(width: int, inner: int, out: int, *last: nn.Module) -> nn.Sequential:
    """Two layers; the dropout between them holds a number in the names of the checkpoint's keys."""
    return nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Dropout(0.1), nn.Linear(inner, out), *last)
