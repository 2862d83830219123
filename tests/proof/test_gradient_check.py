import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import DTYPES, MATRICES, PROBLEMS, batch, params, precision

from jax_logreg import Params, backprop, check_gradients
from jax_logreg.logistic import BINOMIAL
from jax_logreg.matrix import Transposed
from jax_logreg.proof.gradient_check import compare, relative_tolerance
from jax_logreg.pytree import pytree


@pytree
class Wrong(Transposed):
    """A matrix whose second product forgets one feature: what the check is there to find."""

    feature = 3

    def __matmul__(self, right):
        return super().__matmul__(right).at[self.feature, 0].set(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("size", [0, 1e-3, 1, 1e3])
def test_passes_everywhere(name, matrix, dtype, size):
    with precision(dtype):
        data = batch(name, dtype, matrix)
        start = jax.tree.map(lambda a: a * size, params(data.X.shape[0], dtype))
        check = check_gradients(start, data)
        assert check.passed
        assert check.max_relative_error <= check.tolerance
        assert check.max_absolute_error.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_names_the_worst_entry(dtype):
    with precision(dtype):
        data = batch("tall", dtype)
        check = check_gradients(params(5, dtype), data._replace(X=Wrong(data.X.T)))
        assert not check.passed
        assert check.worst == "dw[3, 0]"
        assert check.analytic == 0 != check.automatic
        assert check.max_relative_error > 1000 * check.tolerance


def test_names_the_intercept(monkeypatch):
    def wrong(params, batch, family):
        J, gradient = backprop(params, batch, family=family)
        return J, gradient._replace(b=2 * gradient.b)

    monkeypatch.setattr("jax_logreg.proof.gradient_check.backprop", wrong)
    start, data = params(5, "float32"), batch("tall", "float32")
    check = compare(start, data, jnp.ones((5, 1)), BINOMIAL)
    assert not check.passed and check.worst == "db[0, 0]"


def test_fails_on_nan():
    data = batch("tall", "float32")
    start = Params(jnp.full((5, 1), jnp.nan), jnp.zeros((1, 1)))
    assert not check_gradients(start, data).passed


def test_tolerance_follows_the_dtype():
    ratio = relative_tolerance("float32", 400) / relative_tolerance("float64", 400)
    assert ratio == np.finfo("float32").eps / np.finfo("float64").eps
    assert relative_tolerance("float32", 400) == 2 * relative_tolerance("float32", 100)


def test_rounding_stays_well_below_the_tolerance():
    # A tolerance that nothing comes near could hide a fault; a hundredth of it is still found.
    data = batch("tall", "float32")
    check = check_gradients(params(5, "float32"), data)
    assert check.tolerance < 2e-5
    nudged = data._replace(X=Nudged(data.X.T))
    assert not check_gradients(params(5, "float32"), nudged).passed


@pytree
class Nudged(Transposed):
    """A second product that is one part in a thousand too large."""

    def __matmul__(self, right):
        return super().__matmul__(right) * 1.001
