"""The kernel run step by step, where there is no GPU: the sums of the heart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import precision

from jax_logreg import L2, Batch, GradientDescent, Params, check_gradients, fit
from jax_logreg.errors import InputError
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.matrix import Standardised, fuse, fused
from jax_logreg.objective import Objective

pytestmark = pytest.mark.usefixtures("quick")


def problem(n, m, k, dtype):
    rng = np.random.default_rng(n + m)
    X, Y = rng.standard_normal((n, m)), np.eye(k)[:, rng.integers(0, k, m)]
    rows = [
        jnp.asarray(a, dtype)
        for a in (Y if k > 1 else rng.integers(0, 2, (1, m)), rng.integers(0, 3, (1, m)))
    ]
    params = Params(*(jnp.asarray(rng.standard_normal(s), dtype) for s in ((n, k), (k, 1))))
    return X, rows, params


def evaluated(X, rows, params, family):
    return jax.jit(Objective(Batch(X, *rows), L2(0.1), family).evaluate)(params)[:2]


# One tile, several programs of several tiles each, features and examples that fill no tile.
@pytest.mark.parametrize("shape", [(1, 1), (20, 700)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [1, 3])
def test_the_kernel_sums_what_the_heart_does(shape, dtype, k, monkeypatch):
    monkeypatch.setattr(fused, "_TILE", 1024)
    monkeypatch.setattr(fused, "_PROGRAMS", 3)
    with precision(dtype):
        X, rows, params = problem(*shape, k, dtype)
        family = BINOMIAL if k == 1 else MULTINOMIAL
        expected = evaluated(jnp.asarray(X, dtype), rows, params, family)
        for interpret in (True, False):
            found = evaluated(fuse(X, dtype, interpret), rows, params, family)
            for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
                assert a.dtype == dtype and a.shape == b.shape
                tight = 30 * np.finfo(dtype).eps
                np.testing.assert_allclose(a, b, rtol=tight, atol=tight * 4)


def test_a_fit_by_the_kernel():
    X, (Y, s), _ = problem(5, 90, 1, "float32")
    settings = {"s": s[0], "penalty": L2(0.1), "solver": GradientDescent(0.5), "steps": 20}
    expected = fit(X, Y, **settings)
    found = fit(fuse(X, interpret=True), Y, **settings)
    assert found.gradient_check.passed and found.status == expected.status
    np.testing.assert_allclose(found.params.w, expected.params.w, rtol=1e-5)


def test_its_gradient_is_that_of_jax_grad():
    X, rows, params = problem(5, 90, 1, "float32")
    assert check_gradients(params, Batch(fuse(X, interpret=True), *rows)).passed


def test_on_a_gpu_it_is_one_kernel():
    X, rows, params = problem(20, 300, 1, "float32")
    objective = Objective(Batch(fuse(X), *rows))
    traced = jax.jit(lambda objective, params: objective.evaluate(params)[:2]).trace(
        objective, params
    )
    try:
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
    except RuntimeError as error:
        pytest.skip(f"this JAX lowers for a GPU at hand only: {error}")
    assert text.count("__gpu$xla.gpu.triton") == 1 and "stablehlo.dot" not in text


def test_standardised_it_is_read_twice():
    """Zeros would fill its scale up."""
    X = Standardised(fuse(np.ones((5, 9))), jnp.zeros((5, 1)), jnp.ones((5, 1)))
    assert not X.in_blocks


def test_too_many_features():
    with pytest.raises(InputError, match="X has 2049 features: expected at most 2048"):
        fuse(np.ones((2049, 2)))
