"""Stable Diffusion's autoencoder with a bypass: its decoder is shown features of the image (section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from iqabench.diffusion.architecture import VaeConfig, make_vae

REFINED = 32


class Merge(nn.Module):
    """Features beside others -> the first's number of channels."""

    def __init__(self, channels: int, others: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + others, channels, 3, padding=1)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        result: Tensor = self.conv(torch.cat((x, other), dim=1))
        return result


class Refine(nn.Module):
    """The decoded image, mended by a look at the one that was encoded."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2 * channels, REFINED, 3, padding=1)
        self.conv2 = nn.Conv2d(REFINED, channels, 3, padding=1)

    def forward(self, x: Tensor, images: Tensor) -> Tensor:
        residual: Tensor = self.conv2(relu(self.conv1(torch.cat((x, images), dim=1))))
        return x + residual


class BypassAutoencoder(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to features, and latents (N, 4, H/8, W/8) with those features to images.

    Made on the meta device, of diffusers' parts under diffusers' names, ``ldm.vae_sources`` tells the official
    ones. Enhancement needs no latents of the image, so what lies behind the last feature is not run.
    """

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        whole = make_vae(config)
        self.encoder, self.decoder = whole.encoder, whole.decoder
        self.quant_conv, self.post_quant_conv = whole.quant_conv, whole.post_quant_conv
        widths = [config.ch * factor for factor in config.ch_mult]
        with torch.device("meta"):
            for block, channels, others in zip(self.decoder.up_blocks, widths[:0:-1], widths[-2::-1], strict=False):
                block.upsamplers[0].new_merge = Merge(channels, others)
            self.decoder.new_last_procee = Refine(config.out_ch)
        self.eval().requires_grad_(False)

    def features(self, images: Tensor) -> list[Tensor]:
        """The images, and what each level makes of them before it is made smaller; the last level has none."""
        x = self.encoder.conv_in(images)
        levels: list[Tensor] = []
        *blocks, _ = self.encoder.down_blocks
        for number, block in enumerate(blocks):
            for resnet in block.resnets:
                x = resnet(x, None)
            levels.append(x)
            if number < len(blocks) - 1:
                x = block.downsamplers[0](x)
        return [images, *levels]

    def moments(self, images: Tensor) -> Tensor:
        """(N, 8, H/8, W/8): mean and log variance of the images' latents."""
        result: Tensor = self.quant_conv(self.encoder(images))
        return result

    def decode(self, latents: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Images, nominally in [-1, 1], not clamped."""
        images, *levels = features
        decoder = self.decoder
        x = decoder.mid_block(decoder.conv_in(self.post_quant_conv(latents)))
        for block in decoder.up_blocks:
            for resnet in block.resnets:
                x = resnet(x, None)
            for sampler in block.upsamplers or ():
                x = sampler.new_merge(sampler(x), levels.pop())
        x = decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(x)))
        result: Tensor = decoder.new_last_procee(x, images)
        return result
