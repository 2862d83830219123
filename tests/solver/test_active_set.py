"""The minimum of a quadratic model plus penalty in NumPy: its optimality, and what it takes."""

import jax
import numpy as np
import pytest

from jax_logreg.solver import active_set, quadratic


def model_of(q=40, m=60, k=1, start=1.0, l1=0.1, l2=0.05, common=0.0):
    """A model of random features that share a part; the last is an intercept, the first constant.

    `common` is the share of that part, `start` the size of the coefficients it begins with.
    """
    rng = np.random.default_rng([q, m, k])
    A = (1 - common) * rng.standard_normal((q, m)) + common * rng.standard_normal((1, m))
    A[0] = 0
    begin = start * rng.standard_normal((q, k)) * (rng.random((q, k)) < 0.5)
    begin[0] = 0
    gradient = A @ rng.standard_normal((m, k)) / m
    penalties = np.full((2, q, 1), [[[l1]], [[l2]]])
    penalties[:, -1] = 0
    return quadratic.Model(gradient, A @ A.T / m, 1 + rng.random(k), begin, *penalties)


MODELS = {
    "a few features": {"q": 7},
    "several outputs": {"q": 12, "k": 3},
    "zeros to start at, and a weak penalty": {"start": 0.0, "l1": 0.01},
    "zeros to start at, and a strong one": {"start": 0.0, "l1": 0.5},
    "signs far from the minimum": {"start": 30.0},
    "no penalty": {"l1": 0.0},
    "L1 alone": {"l2": 0.0},
    "features that are nearly one": {"common": 0.8, "l2": 1e-3},
    "more features than examples": {"q": 120, "l2": 1e-3},
}


def slopes(model, w):
    """The gradient of the smooth part (q, k), the smallest subgradient, and the model's value."""
    change = w - model.start
    bent = model.scale * (model.hessian @ change) + model.l2 * change
    gradient = model.gradient + bent
    soft = np.sign(gradient) * np.maximum(np.abs(gradient) - model.l1, 0)
    value = np.sum(change * (model.gradient + bent / 2))
    value += np.sum(model.l1 * (np.abs(w) - np.abs(model.start)))
    return gradient, np.where(w == 0, soft, gradient + model.l1 * np.sign(w)), value


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(active_set, "_INEXACT", 1e-22)
    monkeypatch.setattr(active_set, "_ROUNDS", 3000)


@pytest.mark.parametrize("solve", [True, False], ids=["active set", "sweeps alone"])
@pytest.mark.parametrize("name", MODELS)
def test_nothing_is_left_of_the_subgradient(name, solve, exact, monkeypatch):
    if not solve:
        monkeypatch.setattr(active_set, "_LARGEST_FACTOR", 0)
    model = model_of(**MODELS[name])
    w = quadratic.minimise(model)
    gradient, least, value = slopes(model, w)
    assert np.max(np.abs(least)) <= 1e-8
    assert value < 0
    # A feature that is well inside is left out to the bit; one without curvature does not move.
    assert np.all(w[np.abs(gradient) < 0.9 * model.l1] == 0)
    assert np.all(w[0] == 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_an_inexact_minimum_is_near_it(name, dtype, monkeypatch):
    model = model_of(**MODELS[name])
    w = quadratic.minimise(quadratic.Model(*(part.astype(dtype) for part in model)))
    assert w.dtype == dtype and isinstance(w, np.ndarray)
    monkeypatch.setattr(active_set, "_INEXACT", 1e-22)
    monkeypatch.setattr(active_set, "_ROUNDS", 3000)
    best = slopes(model, quadratic.minimise(model))[2]
    assert slopes(model, w)[2] - best <= 1e-3 * -best


@pytest.mark.parametrize("to_the_end", [False, True])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_xla_finds_the_same_by_sweeps(dtype, k, to_the_end):
    exact = model_of(q=8, m=30, k=k)
    model = quadratic.Model(*(part.astype(dtype) for part in exact))
    with jax.enable_x64(dtype == "float64"):
        theirs = jax.jit(quadratic.minimise, static_argnums=1)(model, to_the_end)
    mine = quadratic.minimise(model, to_the_end)
    assert mine.dtype == theirs.dtype == dtype
    values = [slopes(exact, np.asarray(w))[2] for w in (mine, theirs)]
    np.testing.assert_allclose(*values, rtol=1e-3)
    if k == 1:
        np.testing.assert_allclose(mine, theirs, atol=1e-4 if dtype == "float32" else 1e-9)


@pytest.fixture
def factored(monkeypatch):
    """The sizes of all factorisations, and the number of sweeps."""
    found = []

    class Counted(active_set.Search):
        def _hessian(self, index):
            found.append(len(index))
            return super()._hessian(index)

        def _sweep(self, times):
            found.append("sweeps")
            super()._sweep(times)

    monkeypatch.setattr(quadratic, "Search", Counted)
    return found


def test_a_support_that_holds_takes_one_factorisation(factored):
    model = model_of(q=100, m=300, l1=0.05)
    w = quadratic.minimise(model)
    gradient = slopes(model, w)[0]
    factored.clear()
    # A path's next penalty: the same features with the same signs.
    nearly = model._replace(start=w, gradient=gradient, l1=0.999 * model.l1)
    again = quadratic.minimise(nearly)
    np.testing.assert_array_equal(np.sign(again), np.sign(w))
    assert factored == [np.count_nonzero(w)]


def test_features_that_leave_take_no_factorisation_of_their_own(factored):
    model = model_of(q=100, m=300, l1=0.05)
    w = quadratic.minimise(model)
    factored.clear()
    stronger = model._replace(start=w, gradient=slopes(model, w)[0], l1=1.5 * model.l1)
    again = quadratic.minimise(stronger)
    left = np.count_nonzero(w) - np.count_nonzero(again)
    assert left > 3
    # One feature more than there are may have to come back.
    assert factored[0] == np.count_nonzero(w) and len(factored) <= 2 and "sweeps" not in factored


def test_many_features_enter_by_sweeps(factored):
    quadratic.minimise(model_of(**MODELS["zeros to start at, and a weak penalty"]))
    assert factored[0] == "sweeps"


def test_a_matrix_that_is_not_definite_leaves_the_rest_to_sweeps(factored, monkeypatch):
    model = model_of()
    right = quadratic.minimise(model)
    factored.clear()
    monkeypatch.setattr(active_set.jnp.linalg, "cholesky", lambda a: np.full_like(a, np.nan))
    found = quadratic.minimise(model)
    assert "sweeps" in factored
    np.testing.assert_allclose(found, right, atol=0.05)


def test_numbers_that_are_not_finite_change_nothing():
    model = model_of(q=6)
    lost = model._replace(gradient=np.full_like(model.gradient, np.nan))
    np.testing.assert_array_equal(quadratic.minimise(lost), model.start)
