"""GLARE's two checkpoints as networks (Zhou et al., ECCV 2024), layers named as there.

Only what the enhanced image depends on is computed; what else the checkpoints hold is declared, so that they load
strictly, and can be dropped after.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from iqabench.ops.deform import deform_conv2d
from iqabench_enhancer_glare.autoencoder import Decoder, Encoder, norm
from iqabench_enhancer_glare.config import LATENT, Config
from iqabench_enhancer_glare.flow import Flow
from iqabench_enhancer_glare.strips import join_convolve, norm_swish_convolve

POSITIONS_AT_ONCE = 1024


class Codebook(nn.Module):
    """The VQGAN of normal-light images (section 3.2): the codes and the decoder."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(config.codes, LATENT)
        self.post_quant_conv = nn.Conv2d(LATENT, LATENT, 1)
        self.decoder = Decoder(config)

    @property
    def embedding(self) -> nn.Embedding:
        embedding = self.quantize.embedding
        assert isinstance(embedding, nn.Embedding)
        return embedding

    def nearest(self, latent: Tensor) -> Tensor:
        """(N, 3, H, W), float32 -> the index of the nearest code of each position, (N, H, W)."""
        codes = self.embedding.weight.float()
        length = codes.square().sum(1)
        positions = latent.movedim(1, -1).flatten(0, -2)
        found = [
            (some.square().sum(1, keepdim=True) + length).sub_(some @ codes.T, alpha=2).argmin(1)
            for some in torch.split(positions, POSITIONS_AT_ONCE)
        ]
        return torch.cat(found).view(len(latent), *latent.shape[2:])

    def features(self, latent: Tensor) -> dict[int, Tensor]:
        """(N, 3, H/4, W/4) -> what the decoder makes of the nearest codes, at each size but the smallest.

        The image that it would make in the end is not computed.
        """
        seen: dict[int, Tensor] = {}

        def keep(level: int, features: Tensor) -> Tensor:
            if level != len(self.decoder.up) - 1:
                seen[level] = features
            return features

        codes = self.embedding(self.nearest(latent.float())).movedim(-1, 1).contiguous()
        self.decoder.features(self.post_quant_conv(codes), keep)
        return seen


class ConditionalEncoder(nn.Module):
    """A dark image -> where the flow starts, its condition, and features."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.color_conv = nn.Conv2d(LATENT, LATENT, 3, padding=1)
        self.cond_conv = nn.Sequential(nn.Conv2d(LATENT, config.condition, 3, padding=1), nn.Sigmoid())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        latent, features = self.encoder(images)
        return self.color_conv(latent), self.cond_conv(latent), features


class DeformableConv(nn.Module):
    """Modulated deformable convolution of one map with offsets from another, all in float32."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.conv_offset = nn.Conv2d(channels, 3 * 9 * groups, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        given = self.conv_offset(guide).float()
        offset, mask = given.split((len(given[0]) // 3 * 2, len(given[0]) // 3), dim=1)
        weight, bias = self.weight.float(), self.bias.float()
        return deform_conv2d(x.float(), offset, weight, bias, padding=1, mask=mask.sigmoid())


class Warp(nn.Module):
    """Features of the codes, moved to where those of the image have them."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.dcn = DeformableConv(channels, groups)

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        warped: Tensor = self.dcn(codes, join_convolve(codes, features, self.offset))
        return warped


class Mix(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor, shallow: Tensor) -> Tensor:
        return torch.lerp(features.float(), shallow.float(), self.w.float().sigmoid())


class UnusedBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = norm(2 * channels)
        self.conv1 = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.norm2 = norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_out = nn.Conv2d(2 * channels, channels, 1)


def _unused(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(channels, channels, 3, padding=1)
    )


class AdaptiveDecoder(Decoder):
    """Decodes the flow's result with features of the dark image and of the codes (section 3.4).

    ``conv_out``, ``scale``, ``bias`` and ``enc`` are part of every checkpoint, but of no computation.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        widths = config.widths[-2::-1]  # of all sizes but the smallest, from the smaller on
        self.warp = nn.ModuleList(Warp(width, config.deformable_groups) for width in widths)
        self.residual_conv = nn.Conv2d(config.channels, 3, 3, padding=1)
        self.scale = nn.ModuleList(map(_unused, widths))
        self.bias = nn.ModuleList(map(_unused, widths))
        self.enc = nn.ModuleList(map(UnusedBlock, widths))
        self.mix = nn.ModuleList(Mix() for _ in widths)

    def forward(self, latent: Tensor, codes: dict[int, Tensor], shallow: list[Tensor]) -> Tensor:
        """An image (N, 3, H, W), nominally in [0, 1]. Features are taken out of both collections as they are used."""

        def fuse(level: int, features: Tensor) -> Tensor:
            if level == len(self.up) - 1:
                return features
            at = len(self.warp) - 1 - level
            mixed = self.mix[at](features, shallow.pop())
            warped: Tensor = self.warp[at](codes.pop(level), mixed)
            return warped.mul_(_mean(mixed) / _mean(warped)).add_(mixed)

        return norm_swish_convolve(self.features(latent, fuse), self.norm_out, self.residual_conv)


def _mean(x: Tensor) -> Tensor:
    """Of each item, over all else, (N, 1, 1, 1). It divides, so the means of the channels are summed in float64."""
    return x.mean((-2, -1)).double().mean(1).float()[:, None, None, None]


class Glare(nn.Module):
    """What ``net_G.pth`` holds: the conditional encoder, the flow and the second decoder."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.RRDB = ConditionalEncoder(config)
        self.flowUpsamplerNet = Flow(config)
        self.deformable_decoder = AdaptiveDecoder(config)

    def forward(self, images: Tensor, codebook: Codebook) -> Tensor:
        """Logarithms of dark images (N, 3, H, W), sides multiples of 4 -> images (N, 3, H, W), nominally in [0, 1].

        In autocast the flow still computes in float32: its inverse divides 24 times, and the nearest code
        changes with little.
        """
        start, condition, shallow = self.RRDB(images)
        with torch.autocast(images.device.type, enabled=False):
            latent = self.flowUpsamplerNet.invert(start.float(), condition.float())
        made: Tensor = self.deformable_decoder(latent, codebook.features(latent), shallow)
        return made


def drop_unused(network: Glare, codebook: Codebook) -> None:
    """Free the parameters that no result depends on."""
    del network.flowUpsamplerNet.f
    for decoder in (network.deformable_decoder, codebook.decoder):
        del decoder.conv_out
    del codebook.decoder.norm_out
    for name in ("scale", "bias", "enc"):
        delattr(network.deformable_decoder, name)
