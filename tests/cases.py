"""The tables that every solver and matrix is put through."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jax_logreg import Batch, GradientDescent, Optax, Params
from jax_logreg.matrix import Transposed

DTYPES = ("float32", "float64")


def _problem(n, m, weights, seed=0):
    rng = np.random.default_rng([seed, n, m])
    X = rng.standard_normal((n, m))
    w = rng.standard_normal((n, 1)) / np.sqrt(n)
    Y = (rng.random((1, m)) < 1 / (1 + np.exp(-(w.T @ X + 0.3)))).astype(float)
    Y[0, :2] = 0, 1
    return X, Y, weights(rng, m)


def _ones(rng, m):
    return np.ones((1, m))


def _integers(rng, m):
    s = rng.integers(0, 4, (1, m)).astype(float)
    s[0, :2] = 1
    return s


def _fractions(rng, m):
    return rng.random((1, m)) + 0.01


# name: X (n, m), Y (1, m), s (1, m), float64. None of them is separable but "wide".
PROBLEMS = {
    "tall": _problem(5, 200, _ones),
    "one feature": _problem(1, 50, _ones),
    "integer weights": _problem(4, 120, _integers),
    "fractional weights": _problem(4, 120, _fractions),
    "wide": _problem(40, 8, _ones),
    "shifted and scaled": (lambda X, Y, s: (1000 + 50 * X, Y, s))(*_problem(3, 150, _ones)),
}

SOLVERS = {
    "gradient descent": GradientDescent(0.5),
    "momentum": Optax(optax.sgd(0.2, momentum=0.9, nesterov=True)),
    "adam": Optax(optax.adam(0.05)),
    "scheduled": Optax(optax.adam(optax.cosine_decay_schedule(0.1, 2000))),
    "backtracking": Optax(optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(20))),
    "lbfgs": "auto",
}

MATRICES = {
    "array": jnp.asarray,
    "transposed": lambda X: Transposed(jnp.asarray(X).T),
}


def batch(name, dtype, matrix="array"):
    """The problem as a Batch; call it under `precision(dtype)`."""
    X, Y, s = (np.asarray(a, dtype) for a in PROBLEMS[name])
    return Batch(MATRICES[matrix](X), jnp.asarray(Y), jnp.asarray(s))


def params(n, dtype, seed=0, k=1):
    rng = np.random.default_rng([seed, n, k])
    return Params(
        jnp.asarray(rng.standard_normal((n, k)), dtype),
        jnp.asarray(rng.standard_normal((k, 1)), dtype),
    )


def precision(dtype):
    return jax.enable_x64(dtype == "float64")


def close(dtype):
    """Tolerances of `np.testing.assert_allclose` for a sum of a few hundred terms of order 1."""
    eps = np.finfo(dtype).eps
    return {"rtol": 50 * eps, "atol": 50 * eps}
