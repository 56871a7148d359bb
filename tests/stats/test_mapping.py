"""The fits: they never fail, never turn a scorer round, and are as good as many random starts."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize
from scipy.special import expit

from iqabench.errors import UsageError
from iqabench.stats.logistic_climb import _curvature, _positive
from iqabench.stats.logistic_problem import Problem, state_of
from iqabench.stats.mapping import MAPPINGS, fit, fit_pairs, mapped_plcc, mapped_plcc_of, mapped_rmse_of
from iqabench.stats.pairs import pair

FITTED = MAPPINGS[1:]
CURVES = {
    "linear": lambda x, a, b: a + b * x,
    "logistic4": lambda x, b1, b2, b3, b4: (b1 - b2) * expit((x - b3) / b4) + b2,
    "logistic5": lambda x, b1, b2, b3, b4, b5: b1 * (0.5 - expit(-b2 * (x - b3))) + b4 * x + b5,
    "cubic": lambda x, a, b, c, d: a + b * x + c * x**2 + d * x**3,
}


def fuzzed(rng):
    """Scores and opinions of any size, shape and unit: outliers, ties, steps, curves, noise, wrong order."""
    n = int(rng.choice([6, 8, 12, 20, 50, 120, 400, 1000]))
    scores = [
        lambda: rng.normal(size=n),
        lambda: rng.exponential(size=n),
        lambda: rng.standard_cauchy(n),
        lambda: rng.integers(0, 5, n).astype(float),
        lambda: np.round(rng.normal(size=n), 1),
        lambda: np.exp(3 * rng.normal(size=n)),
        lambda: np.where(rng.random(n) < 0.5, -1, 1) + 0.05 * rng.normal(size=n),
        lambda: np.append(rng.random(n - 1), 1e4),
    ][rng.integers(8)]()
    z = (scores - np.median(scores)) / (scores.std() or 1)
    truth = [z, np.tanh(2 * z), expit(20 * z), z**2, np.sin(3 * z), np.exp(np.clip(z, -5, 5)), 0 * z, -z][
        rng.integers(8)
    ]
    mos = truth + rng.choice([0, 0.05, 0.3, 1, 3]) * rng.normal(size=n)
    if rng.random() < 0.3:
        mos = np.round(mos * 5) / 5
    return scores * 10.0 ** rng.integers(-6, 6) + rng.choice([0, 0, 100]), mos * 10.0 ** rng.integers(-2, 3)


def check_fuzzed(seed, sets):
    rng = np.random.default_rng(seed)
    for index in range(sets):
        pairs = pair(*fuzzed(rng))
        if pairs.reason:
            continue
        raw = mapped_plcc("linear", pairs.scores, pairs.mos).value
        for mapping in ("logistic4", "logistic5", "cubic"):
            fitted = fit_pairs(mapping, pairs)
            predicted = fitted(pairs.scores)
            assert np.isfinite(predicted).all(), (index, mapping)
            assert np.isfinite(fitted.parameters).all(), (index, mapping)
            plcc = mapped_plcc_of(pairs, fitted).value
            assert math.isfinite(plcc), (index, mapping)
            assert plcc * raw >= 0, (index, mapping, raw, plcc)
            ordered = predicted[np.argsort(pairs.scores)]
            assert np.diff(ordered).min() >= -1e-9 * np.ptp(pairs.mos), (index, mapping)


def test_no_failure_no_nan_no_sign_flip():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_fuzzed(seed=1, sets=400)


@pytest.mark.slow
def test_no_failure_no_nan_no_sign_flip_in_10000_sets():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_fuzzed(seed=2, sets=10_000)


def best_of_scipy(mapping, scores, mos, starts, seed):
    """The smallest loss that ``starts`` random starts of scipy's least squares reach, in units of var(mos)."""
    rng = np.random.default_rng(seed)
    u, v = (scores - scores.mean()) / scores.std(), (mos - mos.mean()) / mos.std()
    best = math.inf
    for _ in range(starts):
        if mapping == "logistic4":
            start = [abs(rng.normal()) + 0.1, rng.normal(), 1.5 * rng.normal(), np.exp(1.5 * rng.normal() - 1)]
            bounds = ([0, -np.inf, -np.inf, 1e-9], np.inf)

            def residual(p):
                return p[0] * expit((u - p[2]) / p[3]) + p[1] - v
        else:
            start = np.abs(rng.normal(size=5)) * [1, 3, 1, 1, 1] + [0.1, 0.1, 0, 0.1, 0]
            bounds = ([0, 0, -np.inf, 0, -np.inf], np.inf)

            def residual(p):
                return p[0] * (0.5 - expit(-p[1] * (u - p[2]))) + p[3] * u + p[4] - v

        best = min(best, 2 * least_squares(residual, start, bounds=bounds, max_nfev=300).cost)
    return best


def check_loss(seed, sets, starts):
    rng = np.random.default_rng(seed)
    for index in range(sets):
        pairs = pair(*fuzzed(rng))
        if pairs.reason or pairs.n > 400:
            continue
        for mapping in ("logistic4", "logistic5"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reference = best_of_scipy(mapping, pairs.scores, pairs.mos, starts, index)
            ours = fit(mapping, pairs.scores, pairs.mos).sse / pairs.mos.var()
            assert ours <= reference + 1e-6, (index, mapping, pairs.n)


def test_loss_is_no_worse_than_the_best_of_many_starts():
    check_loss(seed=3, sets=12, starts=12)


@pytest.mark.slow
def test_loss_is_no_worse_than_the_best_of_100_starts():
    check_loss(seed=4, sets=60, starts=100)


@pytest.mark.parametrize("mapping", FITTED)
def test_published_parameters_give_the_curve(mapping):
    rng = np.random.default_rng(0)
    scores = 50 + 10 * rng.normal(size=500)
    mos = 3 + np.tanh((scores - 48) / 9) + 0.2 * rng.normal(size=500)
    fitted = fit(mapping, scores, mos)
    assert len(fitted.parameters) == fitted.free_parameters
    np.testing.assert_allclose(CURVES[mapping](scores, *fitted.parameters), fitted(scores), atol=1e-8)
    assert fitted.sse == pytest.approx(((fitted(scores) - mos) ** 2).sum())


@pytest.mark.parametrize("mapping", ["logistic4", "logistic5"])
def test_a_noiseless_logistic_is_recovered(mapping):
    x = np.linspace(0, 10, 200)
    mos = CURVES["logistic4"](x, 4.5, 1.5, 6.0, 0.8)
    fitted = fit(mapping, x, mos)
    np.testing.assert_allclose(fitted(x), mos, atol=1e-5)
    if mapping == "logistic4":
        np.testing.assert_allclose(fitted.parameters, (4.5, 1.5, 6.0, 0.8), atol=1e-5)


def test_lines_steps_and_exponentials_are_limits_of_the_logistic():
    x = np.linspace(-1, 1, 101)
    for mos in (2 * x + 1, np.repeat([0.0, 0.7, 2.0], [65, 1, 35]), np.exp(3 * x)):
        fitted = fit("logistic4", x, mos)
        assert fitted.sse <= 2e-5 * mos.var() * x.size


def test_the_cubic_is_the_constrained_optimum():
    rng = np.random.default_rng(3)
    grid = np.linspace(-1, 1, 801)
    slope = np.stack([k * grid ** max(k - 1, 0) for k in range(4)], axis=1)
    for index in range(24):
        x = rng.uniform(-1, 1, 60)
        mos = [x, -x, x**2, np.sin(3 * x), x**3 - x, np.tanh(4 * x)][index % 6] + 0.3 * rng.normal(size=60)
        x[0], x[1] = -1, 1
        design = np.stack([x**k for k in range(4)], axis=1)
        reference = minimize(
            lambda p, d=design, m=mos: ((d @ p - m) ** 2).mean(),
            [mos.mean(), 0.1, 0, 0],
            jac=lambda p, d=design, m=mos: 2 * d.T @ (d @ p - m) / m.size,
            constraints={"type": "ineq", "fun": lambda p: slope @ p, "jac": lambda p: slope},
            method="SLSQP",
            options={"maxiter": 300, "ftol": 1e-13},
        )
        fitted = fit("cubic", x, mos)
        assert fitted.sse / 60 <= reference.fun + 1e-5
        assert np.diff(fitted(np.linspace(-3, 3, 2001))).min() >= -1e-12


@pytest.mark.parametrize("mapping", FITTED)
def test_a_scorer_that_ranks_backwards_keeps_its_sign(mapping):
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    mos = -0.3 * x + rng.normal(size=400)
    pairs = pair(x, mos)
    estimate = mapped_plcc(mapping, x, mos)
    assert estimate.value == pytest.approx(np.corrcoef(x, mos)[0, 1])
    assert "backwards" in estimate.note
    # Nor does a falling curve make its error look small.
    fitted = fit_pairs(mapping, pairs)
    assert mapped_rmse_of(pairs, fitted).value >= mos.std() * 0.99


def test_the_mapped_plcc_is_never_below_the_raw_one():
    rng = np.random.default_rng(2)
    for _ in range(20):
        x = rng.exponential(size=200)
        mos = x**0.3 + 0.3 * rng.normal(size=200)
        raw = np.corrcoef(x, mos)[0, 1]
        assert all(mapped_plcc(mapping, x, mos).value >= raw - 1e-6 for mapping in FITTED)


def test_the_five_parameter_curve_never_falls_and_holds_the_four_parameter_one():
    x = np.linspace(-3, 3, 300)
    rng = np.random.default_rng(0)
    for slope in (0.1, -0.1):
        mos = expit(6 * x) + slope * x + 0.05 * rng.normal(size=300)
        four, five = fit("logistic4", x, mos), fit("logistic5", x, mos)
        assert np.diff(five(x)).min() >= 0
        assert five.sse <= four.sse
        assert (five.parameters[3] > 0.05) == (slope > 0)


def test_too_few_pairs_and_bad_input():
    estimate = mapped_plcc("logistic5", [1, 2, 3, 4, 5], [1, 2, 3, 5, 4])
    assert math.isnan(estimate.value)
    assert "no more pairs than" in estimate.reason
    with pytest.raises(UsageError, match="not finite"):
        fit("logistic4", [1, math.nan], [1, 2])
    with pytest.raises(UsageError, match="no mapping"):
        fit("none", [1, 2], [1, 2])
    assert fit("logistic4", [1, 1, 1], [1, 2, 3]).flat


@pytest.mark.parametrize("linear", [False, True])
def test_the_climb_has_the_exact_gradient_and_hessian(linear):
    rng = np.random.default_rng(0)
    u = np.sort(rng.normal(size=300))
    problem = Problem.of(u, np.tanh(u) + 0.3 * rng.normal(size=300), linear)

    def gain(centre, log_scale):
        state = state_of(problem, centre, math.exp(log_scale))
        return state.num**2 / state.den / 2

    c, t, h = 0.1, math.log(0.5), 1e-4
    gradient, hessian = _curvature(problem, state_of(problem, c, math.exp(t)), np.empty((5, 300)))
    at = {(i, j): gain(c + i * h, t + j * h) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    numeric = (at[1, 0] - at[-1, 0]) / (2 * h), (at[0, 1] - at[0, -1]) / (2 * h)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5)
    curved = (
        -(at[1, 0] - 2 * at[0, 0] + at[-1, 0]) / h**2,
        -(at[1, 1] - at[1, -1] - at[-1, 1] + at[-1, -1]) / (4 * h**2),
        -(at[0, 1] - 2 * at[0, 0] + at[0, -1]) / h**2,
    )
    np.testing.assert_allclose(hessian, curved, rtol=1e-3)  # positive here, and so as it is


def test_a_hessian_is_made_positive_by_its_eigenvalues():
    rng = np.random.default_rng(1)
    for _ in range(50):
        a, b, d, p, q = rng.normal(size=5)
        p, q = math.exp(p), math.exp(q)
        found = _positive((a, b, d), p, q)
        scale = np.diag([p**-0.5, q**-0.5])
        values, vectors = np.linalg.eigh(scale @ [[a, b], [b, d]] @ scale)
        wanted = np.linalg.inv(scale) @ vectors @ np.diag(np.abs(values)) @ vectors.T @ np.linalg.inv(scale)
        np.testing.assert_allclose([[found[0], found[1]], [found[1], found[2]]], wanted, atol=1e-5 * max(p, q))
