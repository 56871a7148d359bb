"""Networks of timm; skipped where no plugin that wants timm is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from iqabench.compat.timm import create_network
from iqabench.testing.checkpoints import generate, manifest_of

pytestmark = pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")


@torch.inference_mode()
def test_a_network_computes_once_it_is_filled() -> None:
    network = create_network("resnet18", num_classes=0)
    assert not network.training
    network.load_state_dict(generate(manifest_of(network)))
    features = network(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert features.shape == (1, 512)
    assert bool(features.isfinite().all())


def test_constants_that_no_checkpoint_has_are_there() -> None:
    """EVA's rotary position table is made, not loaded."""
    network = create_network("eva02_tiny_patch14_224")
    table = dict(network.named_buffers())["rope.pos_embed"]
    assert "rope.pos_embed" not in network.state_dict()
    assert table.device.type == "cpu"
    assert float(table.square().mean()) == pytest.approx(0.5)  # of sines and cosines
