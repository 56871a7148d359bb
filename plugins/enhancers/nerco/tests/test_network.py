"""What the network computes less of than the official code, against all of it; and its independence of batches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import unfold

from iqabench.testing.checkpoints import generate, manifest_of
from iqabench.testing.images import natural
from iqabench_enhancer_nerco import network as networks
from iqabench_enhancer_nerco.model import Nerco
from iqabench_enhancer_nerco.network import Config, NeRCo, NeuralRepresentation

OCTAVES = 8


def filled(module: torch.nn.Module) -> torch.nn.Module:
    module.load_state_dict(generate(manifest_of(module)))
    return module.eval()


def ensemble(representation: NeuralRepresentation, features: Tensor) -> Tensor:
    """All that the official code computes: places and their waves, four shifted queries, weights by area."""
    count, _, height, width = features.shape
    down, along = ((2 * torch.arange(side) + 1) / side - 1 for side in (height, width))
    places = torch.stack(torch.meshgrid(down, along, indexing="ij"), dim=-1).reshape(1, -1, 2)
    waves = places[..., None] * (2.0 ** torch.arange(OCTAVES) * math.pi)
    described = torch.cat((places, torch.stack((waves.sin(), waves.cos()), dim=-2).flatten(-3)), dim=-1)
    asked, known = described.clone(), described.clone()
    sides = torch.tensor([height, width], dtype=torch.float32)
    cell = (2 / sides * sides).expand(count, height * width, 2)
    seen = unfold(features, 3, padding=1).mT
    colours, areas = [], []
    for _ in range(4):  # the shift of the query is not used: features are taken as they lie
        relative = asked - known
        relative[..., :2] *= sides
        inputs = torch.cat((seen, relative.expand(count, -1, -1), cell), dim=-1)
        colours.append(representation.imnet.layers(inputs))
        areas.append((relative[..., 0] * relative[..., 1]).abs() + 1e-9)
    total = torch.stack(areas).sum(0)
    opposite = (areas[3], areas[2], areas[1], areas[0])
    blended = sum(colour * (area / total)[..., None] for colour, area in zip(colours, opposite, strict=True))
    return blended.mT.unflatten(-1, (height, width))


@pytest.mark.parametrize("strip", [1, 60, 1 << 16])
def test_one_pass_of_the_perceptron_is_the_ensemble(monkeypatch: pytest.MonkeyPatch, strip: int) -> None:
    """Whatever the strips."""
    monkeypatch.setattr(networks, "PIXELS_AT_ONCE", strip)
    representation = filled(NeuralRepresentation(Config(features=16, hidden=(40, 30))))
    features = torch.randn(2, 16, 13, 20, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = ensemble(representation, features)
        torch.testing.assert_close(representation(features), expected, rtol=1e-5, atol=1e-6)
    assert expected.std() > 0.1


def test_batches() -> None:
    """An image's result does not depend on its neighbours, even where all are computed at once, as on a GPU."""
    network = filled(NeRCo(Config(features=16, blocks=2, mask_blocks=1, hidden=(24,))))
    nerco = Nerco(network, resize=True, dtype=torch.float32).eval()
    images = natural(5, 33, 46)
    with torch.inference_mode():
        alone = torch.cat([nerco(image[None], seeds=[0]) for image in images])
        order = torch.tensor([3, 0, 4, 2, 1])
        for size in (2, 5):
            together = torch.cat([nerco(images[some], seeds=[0] * len(some)) for some in order.split(size)])
            assert torch.equal(together, alone[order])
        torch.testing.assert_close(nerco._enhance(images), alone, rtol=0, atol=1e-5)
    assert alone.std() > 0.05


def test_sides_near_the_smallest() -> None:
    network = filled(NeRCo(Config(features=16, blocks=1, mask_blocks=1, hidden=(24,))))
    for resize in (True, False):
        nerco = Nerco(network, resize=resize, dtype=torch.float32).eval()
        for height, width in [(6, 6), (6, 21), (7, 9), (8, 10)]:
            with torch.inference_mode():
                made = nerco(natural(1, height, width), seeds=[0])
            assert made.shape == (1, 3, height, width)
            assert made.isfinite().all()
