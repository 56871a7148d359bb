"""What the network computes less of, or otherwise, than the official code, against all of it written out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, silu

from iqabench.testing.checkpoints import generate, manifest_of
from iqabench.testing.images import natural
from iqabench_enhancer_glare import autoencoder, network, strips
from iqabench_enhancer_glare.autoencoder import Attention
from iqabench_enhancer_glare.config import Config
from iqabench_enhancer_glare.flow import EPS, Flow
from iqabench_enhancer_glare.model import GlareEnhancer, mirrored
from iqabench_enhancer_glare.network import Codebook, Glare, drop_unused

SMALL = Config(
    channels=32, blocks=1, codes=64, condition=8, hidden=8, flow_levels=2, plain_steps=1, coupled_steps=2, unused=(4, 4)
)
UNUSED = (
    "flowUpsamplerNet.f.",
    "deformable_decoder.conv_out.",
    "deformable_decoder.scale.",
    "deformable_decoder.bias.",
    "deformable_decoder.enc.",
    "decoder.conv_out.",
    "decoder.norm_out.",
)


def filled(module: nn.Module) -> nn.Module:
    module.load_state_dict(generate(manifest_of(module)))
    return module.eval()


def mild(flow: Flow) -> Flow:
    """Random steps, run backwards, overflow where they are far from doing nothing."""
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            if name.endswith(("logs", "actnorm.bias", ".4.weight", "invconv.weight")):
                parameter.mul_(0.1)
            if name.endswith("invconv.weight"):
                parameter.add_(torch.eye(3))
    return flow


def small() -> tuple[Glare, Codebook]:
    glare = filled(Glare(SMALL))
    mild(glare.flowUpsamplerNet)
    return glare, filled(Codebook(SMALL))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_nothing_depends_on_what_is_dropped() -> None:
    """With NaN there, where any sum that they took part in would be NaN, and then without them."""
    images = noise(1, 3, 32, 48)
    with torch.inference_mode():
        glare, codebook = small()
        expected = glare(images, codebook)
        assert expected.isfinite().all()
        poisoned = 0
        for part in (glare, codebook):
            for name, parameter in part.named_parameters():
                if name.startswith(UNUSED):
                    parameter.fill_(torch.nan)
                    poisoned += 1
        assert torch.equal(glare(images, codebook), expected)
        before = len([*glare.parameters(), *codebook.parameters()])
        drop_unused(glare, codebook)
        assert torch.equal(glare(images, codebook), expected)
        assert len([*glare.parameters(), *codebook.parameters()]) == before - poisoned


@pytest.mark.parametrize("queries", [7, 2048])
def test_attention_is_the_explicit_product(monkeypatch: pytest.MonkeyPatch, queries: int) -> None:
    monkeypatch.setattr(autoencoder, "QUERIES", queries)
    attention, x = filled(Attention(64)), noise(2, 64, 9, 11)
    with torch.inference_mode():
        q, k, v = (layer(attention.norm(x)).flatten(2) for layer in (attention.q, attention.k, attention.v))
        weights = (q.mT @ k * 64**-0.5).softmax(-1)
        expected = x + attention.proj_out((v @ weights.mT).view(x.shape))
        torch.testing.assert_close(attention(x), expected, rtol=1e-5, atol=1e-5)


def test_attention_takes_little_memory() -> None:
    """Of 12,288 positions; the explicit product would be 600 MB."""
    script = """if True:
        import resource, torch
        from iqabench_enhancer_glare.autoencoder import Attention
        torch.set_num_threads(1)
        attention = Attention(32).eval()
        with torch.inference_mode():
            attention(torch.zeros(1, 32, 8, 8))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            attention(torch.randn(1, 32, 96, 128))
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    """
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert float(process.stdout) < 60


@pytest.mark.parametrize("pixels", [1, 100, 1 << 20])
def test_strips(monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
    """Convolutions piece by piece are those of the whole, with what comes before them."""
    monkeypatch.setattr(strips, "PIXELS_AT_ONCE", pixels)
    norm, conv = filled(autoencoder.norm(64)), filled(nn.Conv2d(64, 5, 3, padding=1))
    x, other = noise(2, 64, 13, 18) + 3, noise(2, 32, 13, 18, seed=1)
    with torch.inference_mode():
        expected = conv(silu(norm(x)))
        torch.testing.assert_close(strips.norm_swish_convolve(x, norm, conv), expected, rtol=1e-4, atol=1e-5)
        expected = conv(interpolate(x, scale_factor=2.0, mode="nearest"))
        torch.testing.assert_close(strips.upsample_convolve(x, conv), expected, rtol=1e-4, atol=1e-5)
        expected = conv(torch.cat((other, -other), dim=1))
        torch.testing.assert_close(strips.join_convolve(other, -other, conv), expected, rtol=1e-4, atol=1e-5)


def forward(flow: Flow, z: Tensor, condition: Tensor) -> Tensor:
    """The direction of training (Glow, table 1; LLFlow's coupling), which the network does not hold."""

    def estimate(net: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
        made = net(x)
        return made[:, 0::2], torch.sigmoid(made[:, 1::2] + 2) + EPS

    for step in flow.layers:
        z = (z + step.actnorm.bias) * step.actnorm.logs.exp()
        z = conv2d(z, step.invconv.weight[..., None, None])
        if step.affine is not None:
            shift, scale = estimate(step.affine.fFeatures, condition)
            z = (z + shift) * scale
            shift, scale = estimate(step.affine.fAffine, torch.cat((z[:, :1], condition), dim=1))
            z = torch.cat((z[:, :1], (z[:, 1:] + shift) * scale), dim=1)
    return z


def test_the_flow_is_the_inverse_of_its_training_direction() -> None:
    flow = mild(filled(Flow(SMALL))).double()
    condition, codes = noise(2, 8, 6, 7).double().sigmoid(), noise(2, 3, 6, 7, seed=1).double()
    with torch.inference_mode():
        normal = forward(flow, codes, condition)
        assert (normal - codes).abs().mean() > 0.1
        torch.testing.assert_close(flow.invert(normal, condition), codes, rtol=0, atol=1e-9)


@pytest.mark.parametrize("positions", [5, 1024])
def test_the_nearest_code(monkeypatch: pytest.MonkeyPatch, positions: int) -> None:
    monkeypatch.setattr(network, "POSITIONS_AT_ONCE", positions)
    codebook, latent = filled(Codebook(SMALL)), noise(2, 3, 6, 7)
    with torch.inference_mode():
        points = latent.movedim(1, -1)[..., None, :].double()
        expected = (points - codebook.embedding.weight.double()).square().sum(-1).argmin(-1)
        assert torch.equal(codebook.nearest(latent), expected)


@pytest.mark.parametrize("size", [(48, 64), (50, 71), (17, 31), (1, 1), (3, 40)])
def test_mirrored(size: tuple[int, int]) -> None:
    """A full 16 where a side is a multiple already, the smaller half first, as OpenCV's BORDER_REFLECT."""
    images = natural(2, 50, 71)[..., : size[0], : size[1]]
    more = [16 - side % 16 for side in size]
    made, top, left = mirrored(images)
    assert (top, left) == (more[0] // 2, more[1] // 2)
    margins = [(0, 0), (0, 0), *((extra // 2, extra - extra // 2) for extra in more)]
    assert np.array_equal(made.numpy(), np.pad(images.numpy(), margins, mode="symmetric"))


def test_batches() -> None:
    """An image's result does not depend on its neighbours, nor does the network couple them."""
    enhance = GlareEnhancer(*small(), torch.float32).eval()
    images = natural(5, 33, 46)
    with torch.inference_mode():
        alone = torch.cat([enhance(image[None], seeds=[0]) for image in images])
        order = torch.tensor([3, 0, 4, 2, 1])
        for size in (2, 5):
            together = torch.cat([enhance(images[some], seeds=[0] * len(some)) for some in order.split(size)])
            assert torch.equal(together, alone[order])
        pairs = [enhance._enhance(images[[0, other]])[0] for other in (1, 4)]
        assert torch.equal(*pairs)
    assert alone.std() > 0.05
