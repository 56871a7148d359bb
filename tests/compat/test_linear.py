"""The quicker linear layers give what torch's own give, wherever they are used."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from iqabench.compat import linear as compat
from iqabench.compat.linear import Linear, linear, quicken


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@torch.inference_mode()
def test_same_as_torch(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, weight, bias = (torch.randn(size).to(dtype) for size in (shape, (6, 5), (6,)))
    for given in (bias, None):
        torch.testing.assert_close(linear(x, weight, given), nn.functional.linear(x, weight, given))
    turned = torch.randn(*shape[:-2], 5, shape[-2]).to(dtype).mT
    torch.testing.assert_close(linear(turned, weight, bias), nn.functional.linear(turned, weight, bias))


def test_gradients_and_autocast_take_the_plain_way() -> None:
    x, layer = torch.randn(3, 5), Linear(5, 2)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16


@torch.inference_mode()
def test_without_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    x, layer = torch.randn(3, 5), Linear(5, 2)
    expected = layer(x)
    monkeypatch.setattr(compat, "_ONEDNN", None)
    torch.testing.assert_close(layer(x), expected)


class Odd(nn.Linear):
    pass


def some_network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2, bias=False)), Odd(2, 2))


@torch.inference_mode()
def test_quicken_changes_plain_layers_only() -> None:
    network, x = some_network(), torch.randn(5, 4)
    expected = network(x)
    quicken(network, torch.device("cpu"), torch.float32)
    assert [type(layer) for layer in network.modules() if isinstance(layer, nn.Linear)] == [Odd]
    torch.testing.assert_close(network(x), expected)
    torch.testing.assert_close(network(x[None, :1]), expected[None, :1])


@pytest.mark.parametrize(("device", "dtype"), [("cuda", torch.float32), ("cpu", torch.bfloat16)])
def test_elsewhere_nothing_is_quickened(device: str, dtype: torch.dtype) -> None:
    network = some_network()
    keys = list(network.state_dict())
    quicken(network, torch.device(device), dtype)
    assert list(network.state_dict()) == keys
