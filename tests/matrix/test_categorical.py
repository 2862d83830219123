import jax
import jax.numpy as jnp
import numpy as np
import pandas
import pyarrow
import pytest

from jax_logreg.errors import InputError
from jax_logreg.matrix import (
    Categorical,
    encode,
    examples,
    extremes,
    features,
    from_codes,
    stack,
    standardise,
)


def dense(X):
    n, m = X.shape
    np.testing.assert_array_equal(features(X, jnp.arange(n)), examples(X, jnp.arange(m)))
    return np.asarray(features(X, jnp.arange(n)))


def test_a_feature_a_level_and_none_for_the_code_beyond():
    X = from_codes([[0, 2, 1, 2], [1, 0, 0, 1]], [2, 1])
    np.testing.assert_array_equal(dense(X), [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]])
    np.testing.assert_array_equal(extremes(X)[1], [[1], [1], [1]])
    # A level that no example has.
    np.testing.assert_array_equal(extremes(from_codes([[0, 0]], [2]))[1], [[1], [0]])


def test_without_the_first_level():
    X = from_codes([[0, 2, 1, 3], [1, 0, 2, 1]], [3, 2], drop_first=True)
    np.testing.assert_array_equal(dense(X), [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 1]])


@pytest.mark.parametrize(("count", "dtype"), [(255, "uint8"), (256, "uint16"), (2**16, "uint32")])
def test_codes_take_as_few_bytes_as_hold_none_too(count, dtype):
    X = from_codes([[0, count - 1, count]], [count])
    assert X.codes[0].dtype == dtype
    w = jnp.arange(1.0, count + 1)[None]
    np.testing.assert_array_equal(w @ X, [[1, count, 0]])


def test_an_infinite_weight_reaches_its_own_examples_only():
    Z = jnp.array([[jnp.inf, 1]]) @ from_codes([[0, 1, 2]], [2])
    np.testing.assert_array_equal(jnp.isfinite(Z), [[False, True, True]])


@pytest.mark.parametrize("k", [1, 2])
def test_a_long_sum_in_float32_keeps_its_digits(k):
    """One after another, 2^20 times 0.1 would be 1 % off."""
    X = from_codes([np.zeros(2**20, "uint8")], [1])
    total = X @ jnp.full((2**20, k), 0.1)
    np.testing.assert_allclose(total, 2**20 * np.float32(0.1), rtol=3e-5)


def test_many_levels_take_no_array_of_levels_times_examples():
    n, m = 100_000, 5_000
    X = from_codes([np.arange(m) * 7, np.arange(m) % 3], [n, 3])

    def both(w, d):
        return w @ X, X @ d, X.squares(d.T), X.mean_absolute(d.T, w.T), standardise(X, d.T)

    shapes = jnp.zeros((1, n + 3)), jnp.ones((m, 1))
    used = jax.jit(both).lower(*shapes).compile().memory_analysis().temp_size_in_bytes
    assert used < 40 * (n + m)


def test_a_column_of_one_level_has_no_deviation_whatever_its_weights(rng):
    codes = np.zeros(1001, int)
    codes[3] = 1
    s = jnp.asarray(rng.random((1, 1001)), "float32").at[0, 3].set(0)
    Z = jax.jit(standardise)(from_codes([codes, codes], [2, 1]), s)
    np.testing.assert_array_equal(Z.scale, 1)
    np.testing.assert_array_equal(Z.mean, [[1], [0], [1]])


ENCODED = {
    "text": (["b", "a", "b"], [1, 0, 1], ("a", "b")),
    "integers": (np.array([7, -1, 7]), [1, 0, 1], (-1, 7)),
    "booleans": ([True, False, True], [1, 0, 1], (False, True)),
    "text, some missing": (["b", None, "a"], [1, 2, 0], ("a", "b")),
    "integers, some missing": ([3.0, np.nan, 2.0], [1, 2, 0], (2, 3)),
    "objects": (np.array(["b", "a", float("nan")], object), [1, 0, 2], ("a", "b")),
    "pandas": (pandas.Categorical(["b", None, "a"], ["b", "c", "a"]), [0, 3, 2], ("b", "c", "a")),
    "series": (pandas.Series(["b", "a", "b"], dtype="category"), [1, 0, 1], ("a", "b")),
    "text series": (pandas.Series(["b", "a", None]), [1, 0, 2], ("a", "b")),
    "pyarrow": (pyarrow.array(["b", None, "a"]).dictionary_encode(), [0, 2, 1], ("b", "a")),
    "chunks": (
        pyarrow.chunked_array([["b"], ["a", "b"]]).dictionary_encode(),
        [0, 1, 0],
        ("b", "a"),
    ),
}


@pytest.mark.parametrize("name", ENCODED)
def test_encoded(name):
    values, codes, levels = ENCODED[name]
    found, names = encode(values)
    assert found.tolist() == codes and names == levels
    assert dense(from_codes([found], [len(names)])).shape == (len(levels), 3)


def test_encoded_by_given_levels():
    codes, levels = encode(["c", "a", "d", "b"], ("d", "c", "b"))
    assert codes.tolist() == [1, 3, 0, 2] and levels == ("d", "c", "b")


BAD = {
    "no columns": (lambda: from_codes([], []), "codes has 0 columns and levels has 0 entries"),
    "too few levels": (
        lambda: from_codes([[0], [0]], [1]),
        "2 columns and levels has 1 entries: expected as many",
    ),
    "lengths": (lambda: from_codes([[0], [0, 0]], [1, 1]), r"shapes \(1,\), \(2,\): expected"),
    "text": (lambda: from_codes([["a"]], [1]), r"column 0 .* <U1: expected integers: encode"),
    "too large": (lambda: from_codes([[0, 3]], [2]), "example 1 in column 0 is 3: expected 0 to 1"),
    "negative": (lambda: from_codes([[0], [-1]], [2, 2]), "example 0 in column 1 is -1: expected"),
    "nothing left": (lambda: from_codes([[0]], [1], drop_first=True), "column 0 .* 1 level"),
    "measurements": (lambda: encode([0.5, 1.0]), "has dtype float64: expected text"),
    "a table": (lambda: encode([["a"]]), r"shape \(1, 1\): expected one column"),
    "nothing to stack": (lambda: stack([]), "matrices is an empty list: expected at least one"),
    "other examples": (
        lambda: stack([jnp.zeros((1, 2)), jnp.zeros((1, 3))]),
        r"\[2, 3\] examples each",
    ),
    "other dtypes": (
        lambda: stack([jnp.zeros((1, 1)), jnp.zeros((1, 1), int)]),
        "float32, int32: expected one dtype",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_in_one_line(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_other_codes_compile_once(compilations):
    product = jax.jit(lambda X, w: w @ X)
    w = jnp.ones((1, 3))
    first, second = from_codes([[0, 1, 2]], [3]), from_codes([[2, 2, 0]], [3])
    assert isinstance(first, Categorical)
    product(first, w)
    compilations.clear()
    product(second, w)
    assert not compilations
