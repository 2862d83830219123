"""Arrays of many models at once: each function gives what it gives for one after the other."""

import jax
import numpy as np
import pytest
from arrays.test_arrays import PAIRS

from jax_logreg.arrays import Batched, cond, over_models, repeat, repeat_while, scan, set_at, switch
from jax_logreg.arrays import xp as jnp

rng = np.random.default_rng(0)
MODELS = 4
MATRICES = rng.standard_normal((MODELS, 5, 5)).astype(np.float32)
SHARED = rng.standard_normal((5, 7)).astype(np.float32)
# A number of each model's own, and one that two of them share.
NUMBERS = np.array([0, 3, 1, 3], np.int32)
OF_MANY = {
    "product with a shared array": lambda a, i: a.T @ SHARED,
    "product of a shared array": lambda a, i: SHARED.T @ a,
    "product of two": lambda a, i: a @ a.T,
    "product with a vector": lambda a, i: a @ a[0],
    "product of three axes": lambda a, i: a[None] @ a[None].swapaxes(1, 2),
    "operators": lambda a, i: (1 - a) / (2 + a**2) - a * 3 + abs(-a) @ SHARED[:, :1],
    "conditions": lambda a, i: ~((a > 0) & (a <= 1) | (a == 2)) & (a != i) & True,
    "of fewer axes": lambda a, i: a + a[0, 0] + a[1],
    "number of its own": lambda a, i: (a[:, i], a[i], a[i, i]),
    "number of its own in a shared array": lambda a, i: jnp.asarray(a)[i] * 0 + a[:, i],
    "put at a number of its own": lambda a, i: set_at(a, (slice(None), i), a[0]),
    "array of numbers of its own": lambda a, i: a[:, jnp.asarray(a[0] > 0).astype(np.int32)],
    "put at several": lambda a, i: set_at(a, np.array([1, 3]), a[:2]),
    "filled with its own": lambda a, i: jnp.full_like(SHARED, a[0, 0], shape=(3, 1)),
    "sums": lambda a, i: jnp.sum(a),
    "sums of an axis": lambda a, i: jnp.sum(a, axis=0, keepdims=True) + jnp.max(a, axis=-1),
    "broadcast": lambda a, i: jnp.broadcast_to(a[0], (3, 5)),
    "repeated": lambda a, i: jnp.repeat(a[:, None], 2, axis=1),
    "copied": lambda a, i: jnp.copy(a).reshape(-1).reshape((25, 1)),
    "taken": lambda a, i: a.take(1, 1),
    "clipped": lambda a, i: jnp.clip(a, -(a[0, 0] ** 2), 0.5),
    "sorted": lambda a, i: jnp.sort(a, axis=1),
    "median of the numbers": lambda a, i: jnp.nanmedian(jnp.where(a > 0, a, jnp.nan)),
    "eigenvalues": lambda a, i: jnp.linalg.eigh(a @ a.T)[0],
    "branch": lambda a, i: cond(i > 1, lambda a: a, lambda a: -a.T, a),
    "branch of all": lambda a, i: cond(i >= 0, lambda a: a, lambda a: -a, a),
    "branches": lambda a, i: switch(i, [lambda a: a, lambda a: -a, lambda a: 2 * a], a),
    "times of its own": lambda a, i: repeat(i, lambda _, a: 2 * a, a),
    "until its own end": lambda a, i: repeat_while(
        lambda at: at[1] < 5, lambda at: (at[0] * 2, at[1] + 1), (a, i)
    ),
    "scan": lambda a, i: scan(lambda c, x: (c + x, c * x), a[0], a),
}


@pytest.mark.parametrize("name", OF_MANY)
def test_many_at_once_are_each_in_turn(name):
    same(OF_MANY[name], MATRICES, NUMBERS)


@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_both_libraries(name):
    same(PAIRS[name], MATRICES)


def same(f, *arrays):
    at_once = over_models(f, at_once=True)(*arrays)
    in_turn = over_models(f)(*arrays)
    for mine, theirs in zip(jax.tree.leaves(at_once), jax.tree.leaves(in_turn), strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def test_one_shared_product(monkeypatch):
    """However many models there are, X is read once."""
    products = []

    class Counted(np.ndarray):
        def __array_ufunc__(self, f, method, *values, **named):
            products.append(f)
            plain = [np.asarray(value) if type(value) is Counted else value for value in values]
            return getattr(f, method)(*plain, **named)

    over_models(lambda a: a.T @ SHARED.view(Counted), at_once=True)(MATRICES)
    assert products == [np.matmul]


def test_no_truth_value():
    with pytest.raises(TypeError, match="any or all"):
        bool(Batched(np.ones(3, bool)))


def test_sums_do_not_depend_on_other_models():
    """NumPy sums in the order of memory, which a branch may have changed."""
    a = rng.standard_normal((MODELS, 300, 70)).astype(np.float32)

    def total(a, wanted):
        return jnp.sum(cond(wanted, lambda a: a.T, lambda a: jnp.zeros_like(a.T), a))

    wanted = np.array([[True] * MODELS, [True] * (MODELS - 1) + [False]])
    alike, mixed = (over_models(total, at_once=True)(a, one) for one in wanted)
    np.testing.assert_array_equal(alike[:-1], mixed[:-1])
