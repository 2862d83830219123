"""One text for two libraries: each function gives the same from NumPy's arrays as from JAX's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jax_logreg import arrays
from jax_logreg.arrays import xp

rng = np.random.default_rng(0)
MATRIX = rng.standard_normal((5, 5)).astype(np.float32)
FACTOR = np.linalg.cholesky(MATRIX @ MATRIX.T + 5 * np.eye(5, dtype=np.float32))
ROW = rng.permutation(12).astype(np.float32)
PAIRS = {
    "append": lambda a: xp.append(a, 0),
    "matmul": lambda a: xp.matmul(a, a, precision="highest"),
    "vdot": lambda a: xp.vdot(a, a, precision="highest"),
    "where": lambda a: xp.where(a > 0, a, 0),
    "maximum": lambda a: xp.maximum(a, 0),
    "full_like": lambda a: xp.full_like(a, 2, shape=(3, 1)),
    "block": lambda a: xp.block([[a, a[:, :1]], [a[:1], a[:1, :1]]]),
    "select": lambda a: xp.select([a > 1, a > 0], [a, -a], 2 * a),
    "first": lambda a: xp.select([a[0, 0] > 9, a[0, 1] < 9], [a[0, 2], a[0, 3]], a[0, 4]),
    "none": lambda a: xp.select([a[0, 0] > 9], [a[0, 2]], a[0, 4]),
    "one": lambda a: xp.where(a[0, 0] < 9, a[0, 1], 2),
    "other": lambda a: xp.where(a[0, 0] > 9, 2, a[0, 1]),
    "spread": lambda a: xp.where(a[0, 0] > 9, a[0], 2),
    "sum": lambda a: (xp.sum(a), xp.sum(a, axis=1, keepdims=True), xp.sum(a > 0, dtype=np.int32)),
    "ends": lambda a: (xp.max(a), xp.min(a, axis=0), xp.max(xp.stack([a[0, 0], a[0, 1]]))),
    "all": lambda a: (xp.all(a < 9), xp.any(a > 9), xp.all(a > 0, axis=0, keepdims=True)),
    "stack": lambda a: (xp.stack([a[0, 0], a[0, 1]]), xp.stack([a[0], a[1]], axis=1)),
    "clip": lambda a: xp.clip(a, -xp.abs(a[:1]), 0.5),
    "ones_like": lambda a: (xp.ones_like(a), xp.zeros_like(a, shape=()), xp.copy(a[0, 0])),
    "cholesky": lambda a: xp.linalg.cholesky(a @ a.T + 5 * arrays.eye_like(a, 5)),
    "indefinite": lambda a: xp.isfinite(xp.linalg.cholesky(a @ a.T - 9 * arrays.eye_like(a, 5))),
    "sigmoid": lambda a: arrays.sigmoid(100 * a),
    "eye_like": lambda a: arrays.eye_like(a, 3),
    "arange_like": lambda a: arrays.arange_like(a, 3),
    "of_kind": lambda a: arrays.of_kind(np.arange(3, dtype=np.int32), a),
    "opaque": lambda a: arrays.opaque(np.arange(3, dtype=np.int32), a),
    "set_at": lambda a: arrays.set_at(a, (slice(None), 2), 0),
    "put_in": lambda a: arrays.put_in(a, a[0], 3, 1),
    "slice_of": lambda a: arrays.slice_of(a, 1, 3, 1),
    "stop_gradient": arrays.stop_gradient,
    "top_k": lambda a: arrays.top_k(a.ravel(), 7),
    "cho_solve": lambda a: arrays.cho_solve(xp.asarray(FACTOR) + 0 * a, a),
    "solve_triangular": lambda a: arrays.solve_triangular(xp.asarray(FACTOR) + 0 * a, a),
    "scan": lambda a: arrays.scan(lambda c, x: (c + x, c * x), a[0], a),
    "substitute": lambda a: arrays.substitute(
        a[None], a[:1], xp.asarray([2, 1, 0, 4, 3], np.int32)
    ),
    "map_over": lambda a: arrays.map_over(lambda x: x * 2, a),
    "fold": lambda a: arrays.fold(lambda x: (x, x**2), a),
    "vmap": lambda a: arrays.vmap(lambda x: x[::-1], 1)(a),
    "choose": lambda a: arrays.choose(a[0, 0] > 0, (a, a[0]), (-a, a[1])),
    "both": lambda a: [arrays.both(a[0, 0] > b, lambda: xp.any(a > 0)) for b in (-9, 9)],
    "unless": lambda a: arrays.unless(a > 9, lambda b: 2 * b, a),
    "cond": lambda a: arrays.cond(a[0, 0] > 0, lambda b: b, lambda b: -b, a),
}


@pytest.mark.parametrize("name", PAIRS)
def test_both_libraries_agree(name):
    of_numpy = PAIRS[name](MATRIX)
    of_jax = jax.jit(PAIRS[name])(jnp.asarray(MATRIX))
    for mine, theirs in zip(jax.tree.leaves(of_numpy), jax.tree.leaves(of_jax), strict=True):
        assert isinstance(mine, np.ndarray | np.generic)
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("side", [5, 100, 257])
@pytest.mark.parametrize("shape", [(), (1,), (2,), (40,)])
def test_systems_of_any_side(side, shape):
    """Below and above the side from which SciPy solves them, and by halves."""
    A = rng.standard_normal((side, side))
    H, v = A @ A.T + side * np.eye(side), rng.standard_normal((side, *shape))
    L = np.linalg.cholesky(H)
    np.testing.assert_allclose(arrays.cho_solve(L, v), np.linalg.solve(H, v), atol=1e-12)
    np.testing.assert_allclose(arrays.solve_triangular(L, v), np.linalg.solve(L, v), atol=1e-12)


def test_what_is_jaxs_stays_jaxs():
    assert isinstance(xp.abs(jnp.ones(2)), jax.Array)
    assert isinstance(xp.stack([np.ones(2, np.float32), jnp.ones(2)]), jax.Array)
    assert not arrays.all_numpy({"a": np.ones(2), "b": jnp.ones(2)})
    assert arrays.all_numpy({"a": np.ones(2), "b": 1.0, "c": None})


def test_a_change_leaves_the_array_that_it_is_made_of():
    a = np.zeros((2, 2))
    arrays.set_at(a, (0, 0), 1)
    arrays.put_in(a, np.ones(2), 1, 0)
    assert not a.any()


def test_python_spares_what_nothing_reads():
    def never(*_):
        raise AssertionError

    assert not arrays.both(np.bool_(False), never)
    assert arrays.unless(np.ones((2, 1), bool), never, 3) == 3


def test_pythons_loop_leaves_where_the_carry_has_ended():
    seen = []

    def step(carry, x):
        seen.append(x)
        return carry + 1, carry

    carry, rows = arrays.scan(step, np.int32(0), length=9, ended=lambda carry: carry == 3)
    assert (carry, len(seen), rows.tolist()) == (3, 3, [0, 1, 2])
