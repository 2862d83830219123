"""Properties of any numbers, drawn by hypothesis: apart, as the other tests run without it."""

import jax
import jax.numpy as jnp
import numpy as np
from cases import DTYPES, precision
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from proof.test_certificate import shortfall

from jax_logreg import Batch, Params, backprop, check_gradients

assert_allclose = np.testing.assert_allclose


def _entries(low, high, shape):
    return arrays(np.float64, shape, elements=st.floats(low, high))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    X=_entries(-1e4, 1e4, (3, 8)),
    Y=arrays(np.float64, (1, 8), elements=st.sampled_from([0.0, 1.0])),
    s=_entries(0, 10, (1, 8)).filter(lambda s: s.sum() > 1e-3),
    w=_entries(-100, 100, (3, 1)),
    b=_entries(-100, 100, (1, 1)),
)
def test_of_any_numbers(X, Y, s, w, b):
    with precision("float64"):
        start, data = Params(jnp.asarray(w), jnp.asarray(b)), Batch(*map(jnp.asarray, (X, Y, s)))
        J, (dw, db) = backprop(start, data)
        assert 0 <= J < np.inf
        scale = (np.abs(X) * s).sum(axis=1, keepdims=True) / s.sum()
        assert np.all(np.abs(dw) <= scale * (1 + 1e-12)) and abs(db) <= 1 + 1e-12
        assert check_gradients(start, data).passed
        parts = [Batch(*(a[:, half] for a in data)) for half in (slice(3), slice(3, 8))]
        sums = jax.tree.map(jnp.add, *(backprop(start, part, jnp.sum(data.s)) for part in parts))
        for got, want in zip(jax.tree.leaves(sums), (J, dw, db), strict=True):
            size = max(1.0, float(np.max(scale)) * 300)
            assert_allclose(got, want, rtol=0, atol=1e-13 * size)


GIVEN = {
    "seed": st.integers(0, 2**32),
    "family": st.sampled_from(["binomial", "multinomial"]),
    "kind": st.sampled_from(["L2", "ElasticNet", "L1"]),
    "spread": st.sampled_from([0.03, 1.0, 10.0]),
    "strength": st.sampled_from([1e-4, 1e-2, 1.0]),
    "far": st.sampled_from([0.0, 1e-6, 1e-3, 0.1, 3.0]),
    "intercept": st.booleans(),
    "dtype": st.sampled_from(DTYPES),
}


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(**GIVEN)
def test_the_gap_is_never_below_the_true_distance(**drawn):
    below, finite = shortfall(**drawn)
    assert finite and below <= 1
