import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from cases import precision

from jax_logreg.matrix import examples, features, from_scipy, gram, mean_absolute

FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


def dense(X):
    n, m = X.shape
    np.testing.assert_array_equal(features(X, jnp.arange(n)), examples(X, jnp.arange(m)))
    return np.asarray(features(X, jnp.arange(n)))


@pytest.mark.parametrize("container", [scipy.sparse.coo_array, scipy.sparse.coo_matrix])
@pytest.mark.parametrize("form", FORMATS)
def test_from_every_format(form, container, rng):
    S = container(scipy.sparse.random_array((30, 20), density=0.1, rng=rng)).asformat(form)
    before = S.toarray()
    X = from_scipy(S, "float32")
    assert X.shape == (30, 20) and X.dtype == np.float32
    np.testing.assert_array_equal(dense(X), before.astype("float32"))
    np.testing.assert_array_equal(S.toarray(), before)


def test_duplicates_are_summed_and_stored_zeros_dropped():
    row, column = [0, 0, 1, 1, 2], [3, 3, 0, 0, 1]
    value = np.array([200, 100, 0, 0, 7], "uint8")
    X = from_scipy(scipy.sparse.coo_array((value, (row, column)), shape=(3, 4)), "float32")
    np.testing.assert_array_equal(dense(X), [[0, 0, 0, 300], [0, 0, 0, 0], [0, 7, 0, 0]])
    assert np.count_nonzero(X.by_feature.value) == 2


def test_indices_are_int32_and_only_values_float():
    with precision("float64"):
        X = from_scipy(scipy.sparse.eye_array(40, 30), "float64")
        assert {str(leaf.dtype) for leaf in jax.tree.leaves(X)} == {"int32", "float64"}


def test_float64_is_what_is_asked_for_whatever_the_default():
    """Integers once became float32 without a word, which has no digit of these."""
    x = np.array([[1e9, 1e9 + 1, 1e9 + 2]])
    X = from_scipy(scipy.sparse.csr_array(x), "float64")
    assert X.dtype == "float64"
    with precision("float64"):
        np.testing.assert_array_equal(np.asarray(examples(X, jnp.arange(3))), x)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1)])
def test_nothing_but_zeros(shape):
    X = from_scipy(scipy.sparse.csr_array(shape), "float32")
    n, m = shape
    np.testing.assert_array_equal(dense(X), np.zeros(shape))
    np.testing.assert_array_equal(jnp.ones((2, n)) @ X, np.zeros((2, m)))
    np.testing.assert_array_equal(X @ jnp.ones((m, 2)), np.zeros((n, 2)))
    np.testing.assert_array_equal(gram(X, jnp.ones((1, m))), np.zeros((n, n)))
    np.testing.assert_array_equal(mean_absolute(X, jnp.ones((1, m))), np.zeros((n, 1)))


def test_one_feature_with_every_example_and_many_with_none(rng):
    S = np.zeros((200, 100))
    S[3] = rng.standard_normal(100)
    S[9, 9] = 1
    X = from_scipy(scipy.sparse.csc_array(S), "float32")
    np.testing.assert_array_equal(dense(X), S.astype("float32"))
    np.testing.assert_allclose(X @ jnp.ones((100, 1)), S.sum(axis=1, keepdims=True), atol=1e-5)


def test_an_infinite_weight_reaches_its_own_examples_only():
    S = scipy.sparse.csr_array(np.array([[1.0, 0, 2], [0, 3, 0]]))
    Z = jnp.array([[jnp.inf, 1]]) @ from_scipy(S, "float32")
    np.testing.assert_array_equal(jnp.isfinite(Z), [[False, True, False]])


def test_the_same_pattern_compiles_once(compilations, rng):
    S = scipy.sparse.random_array((30, 20), density=0.2, format="csr", rng=rng)
    first, second = from_scipy(S, "float32"), from_scipy(2 * S, "float32")
    product = jax.jit(lambda X, w: w.T @ X)
    w = jnp.ones((30, 1))
    product(first, w)
    compilations.clear()
    product(second, w)
    assert not compilations


def test_nonzeros_are_counted_in_integers(rng):
    """float32 counts to 2**24 only: a feature without zeros would seem to have some."""
    S = scipy.sparse.random_array((5, 40), density=0.4, rng=rng).tocsr()
    count = from_scipy(S, "float32").by_feature.count()
    assert count.dtype == np.int32
    np.testing.assert_array_equal(count, np.diff(S.indptr))
