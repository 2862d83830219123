"""Shapes in annotations are checked in these tests, and few types are unknown."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from jax_logreg import L1, Batch, History, Params, Result, Status, forward, logistic, penalty
from jax_logreg.matrix import stack, stream
from jax_logreg.objective import Objective
from jax_logreg.placement.devices import spread_features
from jax_logreg.problem.weights import weigh, weigh_each
from jax_logreg.solver.preconditioner import curvatures

PACKAGE = Path(__file__).parents[1] / "jax_logreg"
# It may fall: an Any is a library without types, JSON, or what a protocol leaves to its classes.
MOST_ANY = 65

n, m, k = 3, 5, 1
Z, Y, s = jnp.zeros((k, m)), jnp.zeros((k, m)), jnp.ones((1, m))
params = Params(jnp.zeros((n, k)), jnp.zeros((k, 1)))
batch = Batch(jnp.ones((n, m)), Y, s)
objective = Objective(batch)
X, number = np.ones((n, m), np.float32), np.zeros((k, m), np.uint8)
# A family of a user's own, whose probabilities lack an axis.
flat = logistic.BINOMIAL._replace(activation=lambda Z: Z[0])
nothing = History(*(np.empty(0),) * 4)
result = Result(params, nothing, Status.CONVERGED, 0, None, None, family=flat)
mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("features",))
WRONG = {
    "of the heart": lambda: logistic.backprop_from(Z[0], batch, s.sum(), logistic.BINOMIAL),
    "two that belong together": lambda: logistic.damped(Z, Y[:, :-1], logistic.BINOMIAL),
    "integers": lambda: logistic.over_examples(jnp.zeros((k, m), jnp.int32)),
    "X with one axis": lambda: logistic.linear(params, jnp.ones(n)),
    "in a trace": lambda: jax.jit(logistic.over_outputs)(Z[0]),
    "of NumPy": lambda: logistic.over_outputs(np.zeros(m, np.float32)),
    "of a penalty": lambda: penalty.value(L1(0.1), jnp.zeros(n)),
    "of an objective": lambda: objective.evaluate_from(params, Z[0]),
    "of a solver": lambda: curvatures(objective, Z[0]),
    "of probabilities": lambda: forward(params, X, flat),
    "of a result": lambda: result.predict_proba(X),
    "of a result in a trace": lambda: jax.jit(lambda X: result.predict_proba(X))(X),
    "of labels": lambda: weigh(None, None, number[0], logistic.BINOMIAL, (0, 1)),
    "of weights and labels": lambda: weigh_each(
        np.ones((2, m)), None, number[:, :-1], logistic.BINOMIAL, (0, 1)
    ),
    "of features to spread": lambda: spread_features(None, np.zeros(n), mesh),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_a_wrong_shape_is_seen_where_it_is_handed_over(call):
    with pytest.raises(TypeCheckError):
        call()


def test_right_shapes_pass():
    J, _ = logistic.backprop_from(Z, batch, s.sum(), logistic.BINOMIAL)
    assert J.shape == ()
    assert curvatures(objective, Z).shape == (1, m)


def test_checks_of_shapes_are_the_tests_alone():
    """A program of a user's own sees the functions as they are written."""
    code = (
        "import sys\nfrom jax_logreg import logistic\n"
        "assert 'beartype' not in sys.modules\n"
        "assert not hasattr(logistic.over_outputs, '__wrapped__')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert hasattr(logistic.over_outputs, "__wrapped__")


def test_few_types_are_any():
    lines = (line for path in PACKAGE.rglob("*.py") for line in path.read_text().splitlines())
    assert sum(bool(re.search(r"\bAny\b", line)) for line in lines) <= MOST_ANY


class _Columns:
    """A source of the columns of X."""

    by_rows = False

    def __init__(self, X):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype

    def pieces(self, first, size):
        for at in range(first, self.shape[1], size):
            yield self.X[:, at : at + size]


def test_a_stream_in_a_stack_has_dense_rows(rng):
    """Its own are streamed: the type checker found them where an array is needed."""
    X = rng.standard_normal((4, 40)).astype(np.float32)
    stacked = stack([stream(_Columns(X[:2]), 16), jnp.asarray(X[2:])])
    index = jnp.array([3, 1], jnp.int32)
    np.testing.assert_array_equal(jax.jit(type(stacked).features)(stacked, index), X[[3, 1]])
    d = jnp.asarray(rng.random((1, 40)), jnp.float32)
    np.testing.assert_allclose(stacked.gram(d), (X * d) @ X.T, rtol=1e-4, atol=1e-5)
