"""An optimum is reached from any finite start, in about as many steps as from zeros."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import COUNTS, DTYPES, FAMILIES, Plain

from jax_logreg import L1, L2, Batch, GradientDescent, Newton, Params, Status, cost, fit, solve
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, damped
from jax_logreg.sweep import fit_many

assert_allclose = np.testing.assert_allclose
X = (COUNTS - 1) / 1.2
N, M = X.shape
STARTS = [1e3, -1e6, 1e15, -1e30, 3e38]
SOLVERS = {"newton": L2(0.01), "lbfgs": L2(0.01), "proximal": L1(0.01)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", ["binomial", "multinomial"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_any_finite_start_arrives(solver, family, dtype, rng):
    """Where probabilities are saturated there is no curvature, and still a slope."""
    k = len(FAMILIES[family])
    settings = {"solver": solver, "penalty": SOLVERS[solver], "dtype": dtype, "family": family}
    settings["tolerance"] = 1e-4
    best = fit(X, FAMILIES[family], **settings)
    for size in STARTS:
        start = Params(size * rng.uniform(-1, 1, (N, k)), np.full((k, 1), size))
        found = fit(X, FAMILIES[family], params=start, steps=best.steps + 5, **settings)
        assert found.status is Status.CONVERGED
        assert_allclose(found.certificate.cost, best.certificate.cost, rtol=2e-4)


def test_many_models_and_traced_ones_arrive_too(rng):
    sizes = np.array(STARTS)
    starts = Params(sizes[:, None, None] * rng.uniform(-1, 1, (5, N, 1)), np.ones((5, 1, 1)))
    Y, settings = FAMILIES["binomial"], {"penalty": L2(0.01), "steps": 30, "tolerance": 1e-4}
    best = fit(X, Y, **settings).certificate.cost
    many = fit_many(X, Y, params=starts, **settings)
    assert set(many.status) == {Status.CONVERGED}
    assert_allclose(many.certificate.cost, best, rtol=2e-4)
    data = Batch(*(jnp.asarray(a, "float32") for a in (X, Y, np.ones((1, M)))))
    starts = jax.tree.map(lambda part: jnp.asarray(part, "float32"), starts)
    traced = jax.vmap(lambda start: solve(start, data, solver=Newton(), **settings))(starts)
    assert_allclose(traced.certificate.cost, best, rtol=2e-4)


def test_what_is_asked_of_a_start_is_of_that_start():
    """Without a step, by steps of gradient descent, and where the intercept is given."""
    Y, start = FAMILIES["binomial"], Params(np.full((N, 1), 2.0), np.ones((1, 1)))
    here = Batch(*(jnp.asarray(a, "float32") for a in (X, Y, np.ones((1, M)))))
    J = cost(jax.tree.map(jnp.float32, start), here)
    assert np.log(2) < J
    unmoved = fit(X, Y, params=start, steps=0, solver="newton")
    assert_allclose(unmoved.certificate.cost, J, rtol=1e-5)
    stepped = fit(X, Y, params=start, steps=1, solver=GradientDescent(0.1))
    assert_allclose(stepped.history.cost[0], J, rtol=1e-5)
    offset = fit(X, Y, params=start, fit_intercept=False, solver="newton", penalty=L2(0.1))
    assert offset.params.b == 1 and offset.status is Status.CONVERGED


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_few_examples_that_are_wrong_for_sure(solver, dtype):
    """A rare feature far too large costs less than zeros do, and has no curvature either."""
    m, rng = 1500, np.random.default_rng(0)
    wide = np.vstack([rng.standard_normal((2, m)), np.arange(m) < 6])
    Y = (wide[:1] + wide[1:2] + rng.logistic(size=(1, m)) > 0).astype(float)
    Y[0, :6] = np.arange(6) % 2
    start = Params(np.array([[1.0], [1.0], [50.0]]), np.zeros((1, 1)))
    settings = {"solver": solver, "penalty": type(SOLVERS[solver])(1e-5), "dtype": dtype}
    settings["tolerance"] = 1e-4
    best = fit(wide, Y, **settings)
    found = fit(wide, Y, params=start, **settings)
    assert np.log(2) > found.history.cost[0] > best.certificate.cost + 0.05
    assert found.status is Status.CONVERGED and found.steps < 25
    assert_allclose(found.certificate.cost, best.certificate.cost, rtol=2e-4)


@pytest.mark.parametrize("family", [BINOMIAL, MULTINOMIAL], ids=lambda family: family.name)
def test_damped_probabilities_are_probabilities(family):
    """And those of the model itself, but where an example is wrong for sure."""
    Z = jnp.asarray([[0.5, -3.0, 5.0, 20.0, 1e3], [0.1, 0.0, 0.0, 0.0, 0.0]])
    Y = jnp.asarray([[1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0, 1.0]])
    A, moved = family.activation(Z), damped(Z, Y, family)
    assert jnp.all((moved >= 0) & (moved <= 1))
    assert_allclose(moved[:, :3], A[:, :3])
    weights = np.asarray(moved * (1 - moved))[0, 3:]
    assert_allclose(weights, 0.02 / np.array([20, 1e3]), rtol=0.01)


def test_the_damped_hessian_is_that_of_the_optimum():
    """Nothing is damped at a good fit: Newton's last step squares the distance."""
    best = Plain(COUNTS, FAMILIES["binomial"], l2=0.01).optimum()
    for far in (1e-2, 1e-3):
        start = Params(best.w + far, best.b)
        found = fit(
            COUNTS,
            FAMILIES["binomial"],
            params=start,
            steps=1,
            tolerance=0,
            solver="newton",
            penalty=L2(0.01),
            dtype="float64",
        )
        assert np.abs(np.asarray(found.params.w) - best.w).max() < 10 * far**2
