"""Temperatures that are known, and the slope beside the heart's other derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jax_logreg import Batch, Params, backprop
from jax_logreg.evaluation import fit_temperature, temperature
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL

FAMILIES = pytest.mark.parametrize(
    ("family", "k"), [(BINOMIAL, 1), (MULTINOMIAL, 3)], ids=["binomial", "multinomial"]
)


def drawn(family, k, m=400, seed=0):
    """Logits whose probabilities the labels are drawn by, and weights."""
    rng = np.random.default_rng(seed)
    Z = 1.5 * rng.standard_normal((k, m))
    with jax.enable_x64(True):
        A = np.asarray(family.activation(jnp.asarray(Z)))
    if k == 1:
        Y = rng.random((1, m)) < A
    else:
        Y = (rng.random(m) < np.cumsum(A, axis=0)).argmax(axis=0) == np.arange(k)[:, None]
    return Z, Y.astype(float), rng.integers(0, 3, m).astype(float)


def slope_by_backprop(T, Z, Y, s, family):
    """Z / T is linear in Z with the weights I / T: the trace of dw is the derivative in 1 / T."""
    k = len(Z)
    with jax.enable_x64(True):
        params = Params(jnp.eye(k) / T, jnp.zeros((k, 1)))
        batch = Batch(jnp.asarray(Z), jnp.asarray(Y), jnp.asarray(s)[None])
        return float(jnp.trace(backprop(params, batch, family=family)[1].w))


@FAMILIES
def test_the_slope_is_none_at_the_temperature(family, k):
    Z, Y, s = drawn(family, k, m=4000)
    T = fit_temperature(Z, Y, s, family)
    assert 0.9 < T < 1.1
    assert abs(slope_by_backprop(T, Z, Y, s, family)) < 1e-9
    # A cost that falls to T, and rises from it.
    assert slope_by_backprop(T / 1.01, Z, Y, s, family) > 1e-5
    assert slope_by_backprop(T * 1.01, Z, Y, s, family) < -1e-5


@FAMILIES
def test_logits_scaled_have_their_scale_for_temperature(family, k):
    Z, Y, s = drawn(family, k)
    T = fit_temperature(Z, Y, s, family)
    for scale in (0.05, 20.0):
        assert fit_temperature(scale * Z, Y, s, family) == pytest.approx(scale * T, rel=1e-8)
    single = fit_temperature((20 * Z).astype("float32"), Y, s, family)
    assert single == pytest.approx(20 * T, rel=1e-4)


def test_weights_are_numbers_of_examples():
    Z, Y, s = drawn(BINOMIAL, 1)
    n = s.astype(int)
    repeated = fit_temperature(np.repeat(Z, n, 1), np.repeat(Y, n, 1), None, BINOMIAL)
    assert repeated == pytest.approx(fit_temperature(Z, Y, s[None], BINOMIAL), rel=1e-8)
    assert repeated != pytest.approx(fit_temperature(Z, Y, None, BINOMIAL), rel=1e-4)


def test_independent_outputs_share_one():
    Z, Y, s = drawn(BINOMIAL, 2)
    together = fit_temperature(Z.reshape(1, -1), Y.reshape(1, -1), np.tile(s, 2), BINOMIAL)
    assert fit_temperature(Z, Y, s, BINOMIAL) == pytest.approx(together, rel=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finite_and_bounded(dtype):
    Z = np.array([[-1000.0, -3, 2, 1000]], dtype)
    truth = (Z > 0).astype(float)
    assert fit_temperature(Z, truth, None, BINOMIAL) == temperature.LOWEST == 0.01
    assert fit_temperature(Z, 1 - truth, None, BINOMIAL) == temperature.HIGHEST == 100
    assert fit_temperature(0 * Z, truth, None, BINOMIAL) == 1


GOOD = (np.array([[-1.0, 1.0]]), np.array([[1, 0]]), None)


@pytest.mark.parametrize(
    ("place", "bad", "message"),
    [
        (0, np.array([[1, 2]]), "Z is int64 of shape"),
        (0, np.zeros((1, 0)), "expected logits"),
        (0, np.array([[1, np.inf]]), "Z holds inf: expected finite logits"),
        (1, np.array([1, 0]), "Y has shape .2,.: expected labels of 0 and 1, .1, 2. as Z has"),
        (2, [1.0], "expected a weight for each of the 2 examples"),
        (2, [0.0, 0.0], "none of the 2 examples has a positive weight"),
    ],
)
def test_wrong_input_in_one_line(place, bad, message):
    arguments = list(GOOD)
    arguments[place] = bad
    with pytest.raises(ValueError, match=message):
        fit_temperature(*arguments, BINOMIAL)
