"""Resamples: integer weights, their models, and intervals that hold what they should."""

import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from jax_logreg import L2, Params, Status, fit
from jax_logreg.sweep import bootstrap, fit_many

assert_allclose = np.testing.assert_allclose
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 400))
TRUE = np.array([1.0, -0.5, 0.0])
Y = (RNG.random(400) < 1 / (1 + np.exp(-(TRUE @ X + 0.2)))).astype(int)


def test_intervals_of_coefficients_and_predictions():
    found = bootstrap(X, Y, resamples=200, penalty=L2(1e-4), at=X[:, :5], memory=3e5)
    models = found.models
    assert models.params.w.shape == (200, 3, 1) and set(models.status) == {Status.CONVERGED}
    low, high = (part.w[:, 0] for part in found.params)
    assert (low < found.result.params.w[:, 0]).all() and (found.result.params.w[:, 0] < high).all()
    # The textbook's standard error, from the Hessian, is that of the resamples.
    A = 1 / (1 + np.exp(-(np.asarray(found.result.params.w).T @ X + found.result.params.b)))
    design = np.vstack([X, np.ones(400)])
    error = np.sqrt(np.diag(np.linalg.inv(design * (A * (1 - A)) @ design.T)))[:3]
    assert_allclose(models.params.w[:, :, 0].std(axis=0), error, rtol=0.25)
    assert_allclose(high - low, 2 * 1.96 * error, rtol=0.3)
    low, high = found.probabilities
    assert low.shape == (1, 5) and (low < A[:, :5]).all() and (A[:, :5] < high).all()


def test_a_resample_is_a_fit_with_integer_weights():
    found = bootstrap(X, Y, resamples=2, seed=7, tolerance=1e-10, dtype="float64", penalty=L2(0.1))
    counts = np.bincount(np.random.default_rng([7, 0]).integers(0, 400, 400), minlength=400)
    one = fit(X, Y, s=counts, tolerance=1e-10, dtype="float64", penalty=L2(0.1))
    assert_allclose(found.models.params.w[0], one.params.w, atol=1e-5)
    again = bootstrap(X, Y, resamples=1, seed=7, tolerance=1e-10, dtype="float64", penalty=L2(0.1))
    assert_allclose(again.models.params.w, found.models.params.w[:1], atol=1e-5)


@pytest.mark.parametrize("tolerance", ["auto", 1e-3])
def test_intervals_of_many_examples_are_those_of_the_exact_resamples(tolerance):
    """Where standard errors are small, a start that is kept would make intervals narrow."""
    rng, m, count = np.random.default_rng(5), 200_000, 16
    many = rng.standard_normal((5, m))
    Z = np.array([1, -0.5, 0.25, 0, 0.1]) @ many + 0.2
    labels = (rng.random(m) < 1 / (1 + np.exp(-Z))).astype(int)
    given = {"penalty": L2(1e-2), "tolerance": tolerance}
    found = bootstrap(many, labels, resamples=count, **given)
    draws = (np.random.default_rng([0, i]).integers(0, m, m) for i in range(count))
    with threadpool_limits(1):
        exact = np.stack([newton(many, labels, np.bincount(draw, minlength=m)) for draw in draws])
    error = exact.std(axis=0, ddof=1)
    params = np.concatenate([part[..., 0] for part in found.models.params], axis=1)
    assert (np.abs(params - exact) < 0.02 * error).all()
    low, high = np.percentile(exact, [2.5, 97.5], axis=0)
    assert_allclose((found.params.high.w - found.params.low.w)[:, 0], (high - low)[:5], rtol=0.02)
    assert (found.models.steps > 0).all() and set(found.models.status) == {Status.CONVERGED}


def newton(X, y, s, strength=1e-2):
    """Weights and intercept of the minimum, float64."""
    design = np.vstack([X, np.ones(len(y))])
    ridge = np.append(np.full(len(X), strength), 0)
    point = np.zeros(len(design))
    for _ in range(20):
        A = 1 / (1 + np.exp(-(point @ design)))
        gradient = design @ (s * (A - y)) / s.sum() + ridge * point
        hessian = (design * (s * A * (1 - A))) @ design.T / s.sum() + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        point = point - step
        if gradient @ step < 1e-16:
            break
    return point


def test_the_start_of_a_resample_does_not_matter():
    row = np.random.default_rng(1).integers(0, 3, 400).astype(float)
    starts = Params(np.array([[[0.0]] * 3, [[40.0]] * 3]), np.zeros((2, 1, 1)))
    found = fit_many(X, Y, s=np.stack([row, row]), params=starts, penalty=L2(1e-3))
    assert (found.certificate.error_in_std_errs <= 0.01).all()
    # A standard error is about 0.1.
    assert_allclose(found.params.w[0], found.params.w[1], atol=2e-3)


def test_a_rare_class_is_drawn_again():
    rare = np.zeros(400, int)
    rare[5] = 1
    found = bootstrap(X, rare, resamples=4, penalty=L2(0.1))
    assert (found.models.certificate.relative_gap <= 1e-4).all()


WRONG = {
    "resamples": ({"resamples": 0}, "resamples is 0: expected an integer, at least 1"),
    "no number": ({"resamples": True}, "resamples is True: expected an integer, at least 1"),
    "seed": ({"seed": -1}, "seed is -1: expected an integer of at least 0"),
    "at": ({"at": X[:, :5].T}, r"at has shape \(5, 3\): expected \(3, q\)"),
    "at NaN": ({"at": np.full((3, 2), np.nan)}, "at holds NaN, infinity or no numbers"),
    "confidence": ({"confidence": 95}, "confidence is 95: expected a number between 0 and 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        bootstrap(X, Y, **arguments)


@pytest.mark.parametrize(
    ("memory", "line"),
    [
        (1000, "memory is 1000 bytes, but one of the 1000 models needs"),
        ("1 GB", "memory is '1 GB': expected a positive number of bytes"),
    ],
)
def test_memory_is_looked_at_before_anything_runs(memory, line, monkeypatch):
    monkeypatch.delattr(sys.modules["jax_logreg.sweep.bootstrap"], "fit")
    with pytest.raises(ValueError, match=line):
        bootstrap(X, Y, memory=memory)
