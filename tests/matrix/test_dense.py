import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import DTYPES, precision

from jax_logreg.matrix import Transposed, gram, is_array, mean_absolute, place

LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "jax": jnp.asarray,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 50), (50, 3), (1, 1), (700, 300)])
def test_placed_in_the_faster_order(shape, layout, dtype, rng):
    with precision(dtype):
        X = rng.standard_normal(shape).astype(dtype)
        placed = place(LAYOUTS[layout](X), dtype, None)
        n, m = shape
        assert isinstance(placed, Transposed) == (n >= 2 * m)
        assert placed.shape == shape and placed.dtype == dtype
        np.testing.assert_array_equal(
            placed.rows.T if isinstance(placed, Transposed) else placed, X
        )


@pytest.mark.parametrize("least", [-1, 0])
@pytest.mark.parametrize("n", [5, 63, 64, 80])
def test_gram_of_few_and_many_features(n, least, rng):
    """Half of it is computed where there are many, and no weight is negative."""
    X, d = rng.standard_normal((n, 40)), rng.uniform(least, 1, (1, 40))
    np.testing.assert_allclose(gram(X, d), np.einsum("im,m,jm->ij", X, d[0], X), atol=1e-12)


@pytest.mark.parametrize("kind", ["uint8", "bool", "int64", "float64", "float16"])
def test_numbers_become_the_dtype(kind):
    X = np.array([[0, 1, 1], [1, 0, 1]], kind)
    placed = place(X, "float32", None)
    assert placed.dtype == np.float32
    np.testing.assert_array_equal(placed, X.astype("float32"))


def test_the_callers_array_can_change_afterwards():
    X = np.ones((2, 100), "float32")
    placed = place(X, "float32", None)
    X[:] = 7
    np.testing.assert_array_equal(placed, 1)


@pytest.mark.several_devices
def test_on_the_device_asked_for():
    device = jax.devices()[3]
    for X in (np.ones((2, 5)), np.ones((5, 2)), jnp.ones((2, 5))):
        (leaf,) = jax.tree.leaves(place(X, "float32", device))
        assert leaf.devices() == {device}


@pytest.mark.several_devices
def test_a_sharded_array_stays_where_it_is():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "data"))
    X = jax.device_put(np.ones((2, 16), "float32"), sharding)
    assert place(X, "float32", None).sharding == sharding


def test_transposed_stands_where_X_stands(rng):
    X = rng.standard_normal((6, 4)).astype("float32")
    T = Transposed(jnp.asarray(X.T))
    left, right = jnp.ones((3, 6)), jnp.ones((4, 3))
    np.testing.assert_allclose(left @ T, left @ X, rtol=1e-5)
    np.testing.assert_allclose(T @ right, X @ right, rtol=1e-5)


def test_mean_absolute_of_every_matrix(rng):
    X = rng.standard_normal((6, 4)).astype("float32")
    s = jnp.asarray(rng.random((1, 4)), "float32")
    expected = (np.abs(X) * s).sum(axis=1, keepdims=True) / s.sum()
    for matrix in (jnp.asarray(X), Transposed(jnp.asarray(X.T))):
        np.testing.assert_allclose(mean_absolute(matrix, s), expected, rtol=1e-5)


def test_what_is_read_as_an_array():
    X = np.ones((2, 3))
    assert all(is_array(value) for value in (X, X.tolist(), jnp.asarray(X)))
    assert not is_array(Transposed(jnp.ones((3, 2))))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(130, 2100), (1500, 1501), (2, 100_003)])
def test_examples_in_rows_are_copied_whole(shape, dtype, rng):
    """Large enough to be copied in tiles, by threads, the last tiles not full."""
    X = rng.standard_normal(shape[::-1]).T
    with precision(dtype):
        np.testing.assert_array_equal(place(X, dtype, None), X.astype(dtype))


def test_too_large_for_the_dtype_is_infinite_without_a_warning():
    X = np.full((1100, 200), 1e300).T
    assert np.isinf(place(X, "float32", None)).all()
