"""Support vector regression with a radial kernel, its parameters read from tensors or from libsvm's text."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from iqabench.errors import WeightsError
from iqabench.weights.safe import load_strictly, read_checkpoint, unwrap

# Lowest and highest of each feature in the LIVE database (``allrange`` of the release), 18 at each size.
FEATURE_RANGES = (
    *((0.338, 10), (0.017204, 0.806612)),
    *((0.236, 1.642), (-0.123884, 0.20293), (0.000155, 0.712298), (0.001122, 0.470257)),
    *((0.244, 1.641), (-0.123586, 0.179083), (0.000152, 0.710456), (0.000975, 0.470984)),
    *((0.249, 1.555), (-0.135687, 0.100858), (0.000174, 0.684173), (0.000913, 0.534174)),
    *((0.258, 1.561), (-0.143408, 0.100486), (0.000179, 0.685696), (0.000888, 0.536508)),
    *((0.471, 3.264), (0.012809, 0.703171)),
    *((0.218, 1.046), (-0.094876, 0.187459), (0.000015, 0.442057), (0.001272, 0.40803)),
    *((0.222, 1.042), (-0.115772, 0.162604), (0.000016, 0.444362), (0.001374, 0.40243)),
    *((0.227, 0.996), (-0.117188, 0.098323), (0.00003, 0.531903), (0.001122, 0.369589)),
    *((0.228, 0.99), (-0.12243, 0.098658), (0.000028, 0.530092), (0.001118, 0.370399)),
)


class Regression(nn.Module):
    """score = Σ coefficients · exp(-gamma · |x - support vector|²) - rho, in float64.

    x are the features, scaled so that FEATURE_RANGES become [-1, 1].
    """

    def __init__(self, support_vectors: int) -> None:
        super().__init__()
        lowest, highest = torch.tensor(FEATURE_RANGES, dtype=torch.float64).T
        self.register_buffer("lowest", lowest, persistent=False)
        self.register_buffer("highest", highest, persistent=False)
        features = len(FEATURE_RANGES)
        self.register_buffer("support_vectors", torch.zeros(support_vectors, features, dtype=torch.float64))
        self.register_buffer("coefficients", torch.zeros(support_vectors, dtype=torch.float64))
        self.register_buffer("gamma", torch.zeros((), dtype=torch.float64))
        self.register_buffer("rho", torch.zeros((), dtype=torch.float64))

    lowest: Tensor
    highest: Tensor
    support_vectors: Tensor
    coefficients: Tensor
    gamma: Tensor
    rho: Tensor

    def forward(self, features: Tensor) -> Tensor:
        """(N, 36) -> (N,)."""
        scaled = 2 * (features - self.lowest) / (self.highest - self.lowest) - 1
        distances = (scaled[:, None] - self.support_vectors).square().sum(dim=-1)
        return (torch.exp(-self.gamma * distances) * self.coefficients).sum(dim=-1) - self.rho


def read_regression(path: Path) -> Regression:
    """The regression in a file: tensors named as Regression's, or the text that libsvm writes.

    Raises WeightsError.
    """
    with path.open("rb") as stream:
        is_text = stream.read(8) == b"svm_type"
    state = _read_libsvm(path) if is_text else unwrap(read_checkpoint(path))
    regression = Regression(len(state.get("coefficients", ())))
    load_strictly(regression, state, path)
    return regression.eval()


def _read_libsvm(path: Path) -> dict[str, Tensor]:
    """``key value`` lines down to ``SV``, then a line a support vector: its coefficient and ``index:value``."""
    try:
        header, _, body = path.read_text(encoding="ascii").partition("\nSV\n")
        facts = dict(line.split(maxsplit=1) for line in header.splitlines())
        kind = (facts["svm_type"], facts["kernel_type"])
        lines = [line.split() for line in body.splitlines()]
        vectors = torch.zeros(len(lines), len(FEATURE_RANGES), dtype=torch.float64)
        for vector, (_, *entries) in zip(vectors, lines, strict=True):
            for index, value in (entry.split(":") for entry in entries):
                vector[int(index) - 1] = float(value)
        state = {
            "support_vectors": vectors,
            "coefficients": torch.tensor([float(line[0]) for line in lines], dtype=torch.float64),
            "gamma": torch.tensor(float(facts["gamma"]), dtype=torch.float64),
            "rho": torch.tensor(float(facts["rho"]), dtype=torch.float64),
        }
        expected = int(facts["total_sv"])
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"{path} is no regression in libsvm's text: {error}.") from error
    if kind != ("epsilon_svr", "rbf"):
        raise WeightsError(f"{path} holds a libsvm model {' with kernel '.join(kind)}, not epsilon_svr with rbf.")
    if len(lines) != expected:
        raise WeightsError(f"{path} holds {len(lines)} of its {expected} support vectors: it was cut short.")
    return state
