"""The quicker convolutions give what torch's own give, and take over what follows only where it is safe."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from iqabench.compat import convolution
from iqabench.compat.convolution import quicken_convolutions

CPU = torch.device("cpu")


class Network(nn.Module):
    """Two convolutions, and what ``join`` makes of their maps."""

    def __init__(self, join: Callable[[nn.Module, Tensor, Tensor], Tensor], **options: object) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 8, 3, padding=1, **options)  # type: ignore[arg-type]
        self.two = nn.Conv2d(8, 8, 1)
        self.act = nn.ReLU(inplace=True)
        self.pass_on = nn.Identity()
        self.shift = nn.Parameter(torch.randn(8, 1, 1))
        self.join = join

    def forward(self, images: Tensor) -> Tensor:
        first = self.one(images)
        return self.join(self, first, self.two(first))


JOINS: dict[str, tuple[Callable[[nn.Module, Tensor, Tensor], Tensor], int]] = {
    # with the number of operations that are left beside the convolutions
    "relu": (lambda net, first, second: net.act(net.pass_on(second)), 0),
    "a sum": (lambda net, first, second: F.relu(second + first), 0),
    "a sum, the other way": (lambda net, first, second: torch.add(first, net.pass_on(second)), 0),
    "a scaled sum": (lambda net, first, second: torch.relu(second * 0.3 + first), 0),
    "a sum in place": (lambda net, first, second: net.act(operator.iadd(second, first)), 0),
    "twice the same": (lambda net, first, second: second + second, 1),
    "used twice": (lambda net, first, second: net.act(second) + second, 2),
    "a sum with weights": (lambda net, first, second: second + net.shift, 1),
    "a sum with a number": (lambda net, first, second: F.relu(second + 1), 2),
    "a sum with a factor": (lambda net, first, second: torch.add(second, first, alpha=2), 1),
    "another activation": (lambda net, first, second: F.gelu(second), 1),
}


@pytest.mark.parametrize(("join", "left"), JOINS.values(), ids=JOINS)
@torch.inference_mode()
def test_same_as_torch(join: Callable[[nn.Module, Tensor, Tensor], Tensor], left: int) -> None:
    network = Network(join).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    quick = quicken_convolutions(network, CPU, torch.float32)
    assert isinstance(quick, fx.GraphModule)
    for size in ((2, 3, 20, 31), (1, 3, 9, 9), (1, 3, 40, 8), (1, 3, 20, 31)):
        images = torch.randn(size)
        torch.testing.assert_close(quick(images), network(images))
    others = [node for node in quick.graph.nodes if node.op in ("call_function", "call_module")]
    assert len(others) == 2 + left


@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"bias": False}], ids=str)
@torch.inference_mode()
def test_options_of_a_convolution(options: dict[str, object]) -> None:
    network = Network(lambda net, first, second: net.act(second), **options).eval()
    images = torch.randn(2, 3, 24, 30)
    torch.testing.assert_close(quicken_convolutions(network, CPU, torch.float32)(images), network(images))


def test_other_paddings_stay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.Conv2d(4, 4, 3, padding="same"))
    quick = quicken_convolutions(network.eval(), CPU, torch.float32)
    assert [type(module) for module in quick.children()] == [nn.Conv2d, nn.Conv2d]
    images = torch.randn(1, 3, 12, 12)
    torch.testing.assert_close(quick(images), network(images))


@pytest.mark.parametrize(("device", "dtype"), [("cuda", torch.float32), ("cpu", torch.bfloat16)])
def test_elsewhere_nothing_is_quickened(device: str, dtype: torch.dtype) -> None:
    network = nn.Conv2d(3, 4, 3)
    assert quicken_convolutions(network, torch.device(device), dtype) is network


def test_without_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_THERE", False)
    network = nn.Conv2d(3, 4, 3)
    assert quicken_convolutions(network, CPU, torch.float32) is network
