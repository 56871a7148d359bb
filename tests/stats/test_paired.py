"""Bradley-Terry strengths, against published figures, a general solver and known cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from iqabench.errors import UsageError
from iqabench.stats.paired import bradley_terry


def test_two_items_have_the_log_odds_of_their_wins() -> None:
    found = bradley_terry([[0, 30], [10, 0]], prior=1e-9)
    assert found.strength[0] - found.strength[1] == pytest.approx(np.log(3), rel=1e-6)
    assert found.strength.mean() == pytest.approx(0, abs=1e-6)


def test_baseball() -> None:
    """American League 1987, Agresti, Categorical Data Analysis (2002), table 10.10: strengths with Baltimore at 0."""
    wins = np.array(
        [
            [0, 7, 9, 7, 7, 9, 11],
            [6, 0, 7, 5, 11, 9, 9],
            [4, 6, 0, 7, 7, 8, 12],
            [6, 8, 6, 0, 6, 7, 10],
            [6, 2, 6, 7, 0, 7, 12],
            [4, 4, 5, 6, 6, 0, 6],
            [2, 4, 1, 3, 1, 7, 0],
        ]
    )
    strength = bradley_terry(wins, prior=1e-9).strength
    published = [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]
    assert (strength - strength[-1]).tolist() == pytest.approx(published, abs=0.006)


def test_the_maximum_is_the_one_that_a_general_solver_finds() -> None:
    draws = np.random.default_rng(0)
    wins = draws.integers(0, 9, (6, 6)).astype(float)
    np.fill_diagonal(wins, 0)
    prior = 0.25

    def loss(s: np.ndarray) -> float:
        chance = np.log1p(np.exp(s[None, :] - s[:, None]))
        return float((wins * chance).sum() + prior / 2 * (s**2).sum())

    best = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-9})
    found = bradley_terry(wins, prior=prior)
    assert found.strength.tolist() == pytest.approx(best.x.tolist(), abs=1e-5)
    centre = np.eye(6) - 1 / 6
    steps = 1e-4 * np.eye(6)
    corners = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    curvature = [
        [sum(one * two * loss(best.x + one * a + two * b) for one, two in corners) / 4e-8 for b in steps] for a in steps
    ]
    expected = np.sqrt(np.diag(centre @ np.linalg.inv(curvature) @ centre))
    assert found.se.tolist() == pytest.approx(expected.tolist(), rel=1e-3)


def test_who_always_wins_stays_finite_and_who_never_played_is_not_judged() -> None:
    found = bradley_terry([[0, 50, 0], [0, 0, 0], [0, 0, 0]])
    assert np.isfinite(found.strength[:2]).all()
    assert found.strength[0] > 1
    assert np.isnan(found.strength[2])
    assert np.isnan(found.se[2])


@pytest.mark.parametrize("wins", [[[0, 1]], [[0, -1], [1, 0]], [[0, np.nan], [1, 0]]])
def test_what_is_no_table_is_refused(wins: object) -> None:
    with pytest.raises(UsageError, match="square"):
        bradley_terry(wins)
