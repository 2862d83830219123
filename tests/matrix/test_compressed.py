import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import precision

from jax_logreg import Batch, Params
from jax_logreg.errors import InputError
from jax_logreg.matrix import Compressed, blocked, compress, compressed, examples
from jax_logreg.objective import Objective


def test_memory_stays_that_of_a_block():
    """All of X in float32 would take 256 MB: the products, and their gradients, take a tenth."""
    n, blocks, size = 512, 32, 4096
    X = Compressed(jax.ShapeDtypeStruct((blocks, size, n), jnp.uint8), None, blocks * size, "")
    left = jax.ShapeDtypeStruct((1, n), jnp.float32)
    right = jax.ShapeDtypeStruct((blocks * size, 1), jnp.float32)

    def through_left(left, X):
        return jnp.sum(jnp.sin(left @ X))

    def through_right(right, X):
        return jnp.sum(jnp.sin(X @ right))

    for f, argument in ((through_left, left), (through_right, right)):
        for g in (f, jax.grad(f)):
            memory = jax.jit(g).lower(argument, X).compile().memory_analysis()
            assert memory.temp_size_in_bytes < 25e6, f"{f.__name__} {g.__name__}"


@pytest.mark.parametrize("cached", [1, 40, 100, 2**16])
@pytest.mark.parametrize("m", [7, 8, 9, 100, 333])
def test_one_pass_over_pieces_of_blocks(cached, m, monkeypatch, rng):
    """A piece is what stays in a core's cache: the sums do not depend on its size."""
    monkeypatch.setattr(blocked, "_CACHED", cached)
    monkeypatch.setattr(compressed, "_BLOCK", 200)
    X, Y = rng.integers(0, 9, (3, m)).astype("float32"), rng.integers(0, 2, (1, m))
    rows = [jnp.asarray(a, "float32") for a in (Y, rng.random((1, m)))]
    params = Params(jnp.full((3, 1), 0.1), jnp.full((1, 1), -0.3))
    expected = Objective(Batch(jnp.asarray(X), *rows)).evaluate(params)
    found = Objective(Batch(compress(X, "uint8"), *rows)).evaluate(params)
    assert found.linear is None
    for a, b in zip(jax.tree.leaves(found[:2]), jax.tree.leaves(expected[:2]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("storage", "bytes_each"), [("uint8", 1), ("int8", 1), ("bfloat16", 2)])
def test_kept_small(storage, bytes_each):
    X = compress(np.ones((100, 4001)), storage)
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(X)) < bytes_each * 1.02 * 100 * 4001


@pytest.mark.parametrize("kind", ["uint8", "bool", "int64", "float64", "float16"])
@pytest.mark.parametrize("order", "CF")
def test_from_any_numbers(kind, order, rng):
    X = np.asarray(rng.integers(0, 256, (3, 20)).astype(kind), order=order)
    for storage in ("uint8", "float32"):
        held = examples(compress(X, storage), jnp.arange(20))
        np.testing.assert_array_equal(held, X.astype("float32"))


def test_int8_is_half_a_step_away_at_most(rng):
    X = rng.standard_normal((4, 300)) * np.array([[1e-30], [1], [1e5], [0]])
    error = np.abs(examples(compress(X, "int8"), jnp.arange(300)) - X)
    assert (error <= 1.0001 * np.abs(X).max(axis=1, keepdims=True) / 254).all()


def test_float32_swept_in_float64(rng):
    X = rng.standard_normal((3, 40)).astype("float32")
    w = rng.standard_normal((3, 1))
    with precision("float64"):
        Z = jnp.asarray(w.T) @ compress(X, "float32", "float64")
        assert Z.dtype == np.float64
        np.testing.assert_allclose(Z, w.T @ X.astype("float64"), rtol=1e-13)


REFUSED = {
    "fraction": (2.5, "uint8", "X[1, 30] is 2.5: expected integers from 0 to 255: store X as"),
    "negative": (-1, "uint8", "X[1, 30] is -1.0: expected integers from 0 to 255"),
    "large": (256, "uint8", "X[1, 30] is 256.0: expected integers from 0 to 255"),
    "NaN": (np.nan, "uint8", "X[1, 30] is nan: expected integers from 0 to 255"),
    "NaN in int8": (np.nan, "int8", "X[1, 30] is nan: expected finite numbers: leave that"),
    "infinity": (-np.inf, "bfloat16", "X[1, 30] is -inf: expected finite numbers: leave that"),
    "infinity in int8": (np.inf, "int8", "X[1, 30] is inf: expected finite numbers: leave that"),
    "rounds up": (3.4e38, "bfloat16", "is 3.4e+38: expected numbers within the range of bfloat16"),
    "float64": (1e40, "float32", "is 1e+40: expected numbers within the range of float32: scale"),
    "huge": (-1e300, "int8", "is -1e+300: expected numbers within the range of int8: scale the"),
}


@pytest.mark.parametrize(("value", "storage", "message"), REFUSED.values(), ids=REFUSED)
def test_refuses_what_it_cannot_hold(value, storage, message, monkeypatch):
    monkeypatch.setattr("jax_logreg.matrix.compressed._BLOCK", 64)
    X = np.ones((2, 50))
    X[1, 30] = value
    with pytest.raises(InputError) as caught:
        compress(X, storage)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_refuses_another_storage():
    with pytest.raises(InputError, match="storage is 'int4': expected 'uint8', 'int8'"):
        compress(np.ones((2, 5)), "int4")
