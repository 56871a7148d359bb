from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
import torch

import iqabench
from iqabench.errors import WeightsError
from iqabench.testing.images import natural
from iqabench_iqa_brisque import REGRESSION
from iqabench_iqa_brisque.regression import FEATURE_RANGES, read_regression

TEXT = """svm_type epsilon_svr
kernel_type rbf
gamma 0.5
nr_class 2
total_sv 2
rho -30
SV
10 1:1 36:-1
-4.5 2:0.25
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "allmodel"
    path.write_text(TEXT)
    return path


def test_libsvm_text_is_computed_as_libsvm_does(text: Path) -> None:
    regression = read_regression(text)
    lowest, highest = torch.tensor(FEATURE_RANGES, dtype=torch.float64).T
    middle = ((lowest + highest) / 2)[None]
    # Features in the middle of their ranges are scaled to zero: only the support vectors' lengths are left.
    expected = 10 * torch.exp(torch.tensor(-0.5 * 2.0)) - 4.5 * torch.exp(torch.tensor(-0.5 * 0.0625)) + 30
    assert regression(middle).item() == pytest.approx(expected.item(), rel=1e-6)


def test_own_regression_takes_the_place_of_the_shipped_one(text: Path) -> None:
    images = natural(2, 64, 64)
    own, shipped = iqabench.load("nr.brisque", weights=text)(images), iqabench.load("nr.brisque")(images)
    assert bool(((own > 25) & (own < 41)).all())
    assert not torch.equal(own, shipped)


def test_shipped_regression_is_the_release() -> None:
    with resources.as_file(resources.files("iqabench_iqa_brisque") / REGRESSION) as path:
        regression = read_regression(path)
    assert regression.rho.item() == -153.591
    assert regression.gamma.item() == 0.05
    assert regression.support_vectors.shape == (774, 36)
    assert regression.coefficients.abs().max().item() == 1024


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("total_sv 2", "total_sv 3", "2 of its 3"),
        ("epsilon_svr", "c_svc", "c_svc"),
        ("kernel_type rbf", "kernel_type linear", "linear"),
        ("36:-1", "37:-1", "no regression"),
        ("36:-1", "36", "no regression"),
        ("rho -30\n", "", "rho"),
    ],
)
def test_other_text_is_refused(text: Path, old: str, new: str, said: str) -> None:
    text.write_text(TEXT.replace(old, new))
    with pytest.raises(WeightsError, match=said):
        read_regression(text)
